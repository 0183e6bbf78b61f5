/**
 * Addresses of stores, one string each: which adapter, and where it finds its data. What a table or a topic needs
 * beyond its address (keys, limits) stands in variables of its own, because it may be secret or shared.
 *
 *     level:DIRECTORY                                      an embedded LevelDB, of one process at a time
 *     kafka:HOST:PORT[,HOST:PORT…]                         some brokers; the others are learned from them
 *     dynamodb:TABLE[?region=AWS_REGION][&endpoint=URL]    the region is the service's own when it is not given
 */

export interface LevelAddress {
  readonly scheme: 'level';
  readonly directory: string;
}

export interface KafkaAddress {
  readonly scheme: 'kafka';
  readonly brokers: readonly string[];
}

export interface DynamoAddress {
  readonly scheme: 'dynamodb';
  readonly table: string;
  readonly region: string | undefined;
  /** Of DynamoDB Local, or of a VPC endpoint. */
  readonly endpoint: string | undefined;
}

export type EventLogAddress = LevelAddress | KafkaAddress;
export type LedgerAddress = LevelAddress | DynamoAddress;

export const EVENT_LOG_FORMS = 'level:DIRECTORY or kafka:HOST:PORT[,HOST:PORT…]';
export const LEDGER_FORMS = 'level:DIRECTORY or dynamodb:TABLE[?region=AWS_REGION][&endpoint=URL]';

const BROKER = /^[A-Za-z0-9._-]+:\d{1,5}$|^\[[0-9A-Fa-f:.]+\]:\d{1,5}$/;
const PORT_MAX = 65_535;
/** DynamoDB's rule for the name of a table. */
const TABLE = /^[A-Za-z0-9_.-]{3,255}$/;
const AWS_REGION = /^[A-Za-z0-9_-]{1,64}$/;

/** The address, or what is wrong with the text: the end of a sentence that begins with its name. */
export function parseEventLogAddress(text: string): EventLogAddress | string {
  const [scheme, rest] = split(text);
  if (scheme === 'level') return levelAddress(rest);
  if (scheme !== 'kafka') return unknownScheme(text, scheme, EVENT_LOG_FORMS);
  const brokers = rest.split(',');
  const wrong = brokers.find((broker) => !BROKER.test(broker) || Number(broker.slice(broker.lastIndexOf(':') + 1)) > PORT_MAX);
  if (wrong !== undefined) return `names the broker ${JSON.stringify(wrong)}: write kafka:HOST:PORT[,HOST:PORT…]`;
  return { scheme, brokers };
}

/** As `parseEventLogAddress`. */
export function parseLedgerAddress(text: string): LedgerAddress | string {
  const [scheme, rest] = split(text);
  if (scheme === 'level') return levelAddress(rest);
  if (scheme !== 'dynamodb') return unknownScheme(text, scheme, LEDGER_FORMS);
  const at = rest.indexOf('?');
  const table = at < 0 ? rest : rest.slice(0, at);
  if (!TABLE.test(table)) return `names the table ${JSON.stringify(table)}: DynamoDB takes 3 to 255 letters, digits, "_", "-" or "."`;
  const parameters = new URLSearchParams(at < 0 ? '' : rest.slice(at + 1));
  for (const name of parameters.keys()) if (name !== 'region' && name !== 'endpoint') return `has the unknown parameter ${JSON.stringify(name)}: it may be region or endpoint`;
  const region = parameters.get('region') ?? undefined;
  if (region !== undefined && !AWS_REGION.test(region)) return `names the AWS region ${JSON.stringify(region)}: write one such as eu-west-1`;
  const endpoint = parameters.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : '')) {
    return `names the endpoint ${JSON.stringify(endpoint)}: write a URL such as http://127.0.0.1:8000`;
  }
  return { scheme, table, region, endpoint };
}

function split(text: string): [scheme: string, rest: string] {
  const at = text.indexOf(':');
  return at < 0 ? ['', text] : [text.slice(0, at), text.slice(at + 1)];
}

function levelAddress(directory: string): LevelAddress | string {
  return directory === '' ? 'names no directory: write level:DIRECTORY' : { scheme: 'level', directory };
}

function unknownScheme(text: string, scheme: string, forms: string): string {
  return `has the unknown scheme ${JSON.stringify(scheme === '' ? text : scheme)}: write ${forms}`;
}
