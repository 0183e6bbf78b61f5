/** What options mean, in one place: every parser rejects with the reason, and commander names the option. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { NAME_PATTERN } from '@meridian/accounting';

export const REGIONS_DEFAULT: readonly string[] = ['us-east-1', 'eu-west-1', 'ap-southeast-1'];
export const DATA_DEFAULT = 'data/dev';
/** Of `npm run stack`. */
export const STACK_DEFAULT = 'data/stack';

/** More regions than this on one machine is a mistyped list. */
const REGIONS_MAX = 16;

export function parseRegions(text: string): string[] {
  const regions = text.split(',').map((region) => region.trim());
  for (const region of regions) assertRegion(region);
  if (new Set(regions).size < regions.length) throw new InvalidArgumentError('A region is named twice.');
  if (regions.length > REGIONS_MAX) throw new InvalidArgumentError(`At most ${REGIONS_MAX} regions.`);
  return regions;
}

/** `region=url,region=url`. */
export function parseRegionUrls(text: string): Map<string, string> {
  const urls = new Map<string, string>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const region = part.slice(0, Math.max(at, 0)).trim();
    if (at < 1) throw new InvalidArgumentError('Write region=url,region=url.');
    assertRegion(region);
    if (urls.has(region)) throw new InvalidArgumentError(`Region ${region} is named twice.`);
    urls.set(region, parseUrl(part.slice(at + 1).trim()));
  }
  return urls;
}

export function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new InvalidArgumentError('Write a URL such as http://127.0.0.1:4311.');
  return text.replace(/\/+$/, '');
}

export function parseProbability(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('Write a number from 0 to 1.');
  return value;
}

export function parseInteger(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) throw new InvalidArgumentError(`Write an integer from ${min} to ${max}.`);
    return value;
  };
}

export function parseTenant(text: string): string {
  if (!NAME_PATTERN.test(text)) throw new InvalidArgumentError('A tenant is 1 to 64 letters, digits, "_" or "-".');
  return text;
}

/** RFC 3339 instant, or a date (its first moment, UTC). */
export function parseInstant(text: string): string {
  const isInstant = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  if (!isInstant || Number.isNaN(Date.parse(text))) throw new InvalidArgumentError('Write a date such as 2026-03-01 or 2026-03-01T12:00:00Z.');
  return new Date(text).toISOString();
}

export interface ConnectionOptions {
  readonly url?: string;
  readonly key?: string;
  readonly data: string;
  readonly region?: string;
  readonly json?: boolean;
}

export function dataOption(description: string): Option {
  return new Option('--data <dir>', description).env('MERIDIAN_DATA').default(DATA_DEFAULT);
}

export function jsonOption(): Option {
  return new Option('--json', 'print one JSON object and nothing else');
}

/** For the commands that ask a running Meridian. */
export function withConnection(command: Command): Command {
  return withService(command).addOption(new Option('--region <name>', 'region to ask (default: the first of the data directory)'));
}

/** For those of them that know which region to ask. */
export function withService(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'reconciliation service to ask').env('MERIDIAN_URL').argParser(parseUrl))
    .addOption(new Option('--key <key>', 'API key').env('MERIDIAN_KEY'))
    .addOption(dataOption('data directory that says url and key'))
    .addOption(jsonOption());
}

function assertRegion(region: string): void {
  if (!NAME_PATTERN.test(region)) throw new InvalidArgumentError('A region is 1 to 64 letters, digits, "_" or "-".');
}
