/** Every fault there is, and the order of a run: all of them by chance, those that leave something behind at the end. */
import { clockFault } from './clock';
import { diskFault } from './disk';
import { dynamoDbFaults } from './dynamodb';
import { FaultsError } from './errors';
import type { Fault } from './fault';
import { killFaults } from './kill';
import { networkFaults } from './network';
import { ownerFaults } from './owners';
import type { Random } from './random';
import { replicationFaults } from './replication';
import { spoolFault } from './spool';
import { takeoverFault } from './takeover';
import { topicFaults } from './topics';

/** A sample by a clock that was ahead may outlive the fault: it is to be found in that fault's row and in no other. */
const LAST: readonly string[] = ['clock-skew'];

export function allFaults(): Fault[] {
  return [
    ...killFaults(), ...ownerFaults(), ...networkFaults(), ...dynamoDbFaults(), ...replicationFaults(),
    takeoverFault(), ...topicFaults(), diskFault(), spoolFault(), clockFault(),
  ];
}

export function only(faults: readonly Fault[], names: readonly string[]): Fault[] {
  const unknown = names.filter((name) => !faults.some((fault) => fault.name === name));
  if (unknown.length > 0) throw new FaultsError('faults_usage', `there is no fault ${unknown.join(', ')}: there are ${faults.map(({ name }) => name).join(', ')}`);
  return names.length === 0 ? [...faults] : faults.filter(({ name }) => names.includes(name));
}

/** One round of all. */
export function round(faults: readonly Fault[], random: Random): Fault[] {
  const shuffled = random.shuffled(faults);
  return [...shuffled.filter(({ name }) => !LAST.includes(name)), ...shuffled.filter(({ name }) => LAST.includes(name))];
}
