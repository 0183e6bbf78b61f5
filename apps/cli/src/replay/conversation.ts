/**
 * A file of conversations: `offset_ms,session,input_tokens,cached_input_tokens,output_tokens`, one model call per row.
 * It is read as a stream, once to check and sum it, once to send it. The sums here are what the file says: they use
 * nothing of the accounting they are compared with.
 */
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { isName, NAME_BYTES_MAX } from '@meridian/accounting';
import { CliError } from '../errors';

export const COLUMNS = ['offset_ms', 'session', 'input_tokens', 'cached_input_tokens', 'output_tokens'] as const;
type ColumnName = (typeof COLUMNS)[number];

export interface ConversationRow {
  /** 1 = the first row below the header: names the event. */
  readonly number: number;
  readonly offsetMs: number;
  readonly session: string;
  /** Prompt tokens, cached ones included. */
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
}

/** What is wrong with a row. */
export interface RowProblem {
  /** Of the file, from 1; the header counts. */
  readonly line: number;
  readonly column: string;
  readonly reason: string;
  readonly fix: string;
}

export interface TokenSums {
  input: bigint;
  cacheRead: bigint;
  output: bigint;
}

export interface SessionSums extends TokenSums {
  events: number;
}

/** What the file says. */
export interface Conversation {
  readonly rows: number;
  readonly firstOffsetMs: number;
  readonly lastOffsetMs: number;
  readonly tokens: Readonly<TokenSums>;
  readonly sessions: ReadonlyMap<string, Readonly<SessionSums>>;
}

/** Problems named one by one; beyond that the file is of another kind, not mistyped. */
export const PROBLEMS_MAX = 1_000;
/** Characters of one row: a quote that is never closed must not swallow the file. */
const ROW_LENGTH_MAX = 64 * 1024;
/** Events must not be older than 35 days when they are sent; one day is kept for the sending. */
const SPAN_DAYS_MAX = 34;
const DAY_MS = 86_400_000;

/** Reads the whole file. Throws `file_invalid` naming every row that is wrong. */
export async function checkConversation(file: string): Promise<Conversation> {
  const problems: RowProblem[] = [];
  let more = 0;
  const tokens: TokenSums = { input: 0n, cacheRead: 0n, output: 0n };
  const sessions = new Map<string, SessionSums>();
  let rows = 0;
  let firstOffsetMs = Infinity;
  let lastOffsetMs = 0;
  for await (const item of parseFile(file)) {
    if ('reason' in item) {
      if (problems.length < PROBLEMS_MAX) problems.push(item);
      else more++;
      continue;
    }
    rows++;
    firstOffsetMs = Math.min(firstOffsetMs, item.offsetMs);
    lastOffsetMs = Math.max(lastOffsetMs, item.offsetMs);
    const own = sessions.get(item.session) ?? { events: 0, input: 0n, cacheRead: 0n, output: 0n };
    own.events++;
    sessions.set(item.session, own);
    for (const sums of [tokens, own]) {
      sums.input += BigInt(item.inputTokens) - BigInt(item.cachedInputTokens);
      sums.cacheRead += BigInt(item.cachedInputTokens);
      sums.output += BigInt(item.outputTokens);
    }
  }
  if (problems.length > 0) throw invalid(file, problems, more);
  if (rows === 0) throw new CliError('file_invalid', `${file} has no rows`, { fix: 'Below the header, give one row per model call.' });
  const days = (lastOffsetMs - firstOffsetMs) / DAY_MS;
  if (days > SPAN_DAYS_MAX) {
    throw new CliError('file_invalid', `the rows of ${file} span ${Math.ceil(days)} days`, {
      fix: `Events older than 35 days are quarantined: split the file into parts of at most ${SPAN_DAYS_MAX} days.`,
    });
  }
  return { rows, firstOffsetMs, lastOffsetMs, tokens, sessions };
}

/** The rows of a file that was checked, in its order. */
export async function* readConversation(file: string): AsyncGenerator<ConversationRow> {
  for await (const item of parseFile(file)) {
    if ('reason' in item) throw invalid(file, [item], 0);
    yield item;
  }
}

async function* parseFile(file: string): AsyncGenerator<ConversationRow | RowProblem> {
  const source = createReadStream(file);
  const parser = parse({
    bom: true, info: true, relax_column_count: true, skip_empty_lines: true, trim: true,
    record_delimiter: ['\r\n', '\n', '\r'], max_record_size: ROW_LENGTH_MAX,
  });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  let header: Header | undefined;
  let number = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (header) yield readRow(header, record, { number: ++number, line: info.lines });
      else header = readHeader(file, record);
    }
  } catch (error) {
    yield translate(file, error);
    return;
  } finally {
    source.destroy();
  }
  if (!header) throw new CliError('file_invalid', `${file} is empty`, { fix: `Its first line must be ${COLUMNS.join(',')}.` });
}

interface Header {
  readonly width: number;
  readonly at: Readonly<Record<ColumnName, number>>;
}

function readHeader(file: string, record: readonly string[]): Header {
  const missing = COLUMNS.filter((name) => !record.includes(name));
  if (missing.length > 0) {
    throw new CliError('file_invalid', `${file}, line 1: the header has no column ${missing.join(', ')}`, {
      fix: `The first line must name the columns ${COLUMNS.join(',')}, in any order.`,
    });
  }
  const at = Object.fromEntries(COLUMNS.map((name) => [name, record.indexOf(name)])) as Record<ColumnName, number>;
  return { width: record.length, at };
}

function readRow({ width, at }: Header, record: readonly string[], { number, line }: { number: number; line: number }): ConversationRow | RowProblem {
  if (record.length !== width) {
    return {
      line, column: 'all', reason: `${record.length} fields where the header has ${width}`,
      fix: 'Give every column a value; quote a value that holds a comma.',
    };
  }
  const values = {} as Record<Exclude<ColumnName, 'session'>, number>;
  for (const column of COLUMNS) {
    if (column === 'session') continue;
    const text = record[at[column]] ?? '';
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      return { line, column, reason: `${quoted(text)} is not an integer 0..2^53−1`, fix: 'Write it as digits only.' };
    }
    values[column] = value;
  }
  const session = record[at.session] ?? '';
  if (!isName(session)) {
    return {
      line, column: 'session', reason: `${quoted(session)} is not a session name`,
      fix: `Use 1 to ${NAME_BYTES_MAX} bytes of text without control characters.`,
    };
  }
  const { input_tokens: inputTokens, cached_input_tokens: cachedInputTokens, output_tokens: outputTokens, offset_ms: offsetMs } = values;
  if (cachedInputTokens > inputTokens) {
    return {
      line, column: 'cached_input_tokens', reason: `${cachedInputTokens} is more than input_tokens ${inputTokens}`,
      fix: 'Cached tokens are part of input_tokens: correct one of the two.',
    };
  }
  return { number, offsetMs, session, inputTokens, cachedInputTokens, outputTokens };
}

/** A cell as it may be shown: short, without control characters. */
function quoted(text: string): string {
  const SHOWN_MAX = 40;
  return JSON.stringify(text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text);
}

const READ_FIXES: Readonly<Record<string, string>> = { ENOENT: 'Check the path.', EISDIR: 'Name a file, not a directory.', EACCES: 'Make it readable.' };

/** What csv-parse found ends the reading there; what the system says about the file ends everything. */
function translate(file: string, error: unknown): RowProblem {
  if (error instanceof CliError) throw error;
  const { code = '', message, lines } = error as { code?: string; message: string; lines?: number };
  if (typeof lines !== 'number') {
    const fix = READ_FIXES[code];
    throw new CliError('file_invalid', `cannot read ${file}: ${message}`, { ...(fix !== undefined && { fix }), cause: error });
  }
  const fix = 'Quote whole values, double a quote inside one, and close every quote; nothing after this line was read.';
  return { line: lines, column: 'all', reason: message, fix };
}

function invalid(file: string, problems: readonly RowProblem[], more: number): CliError {
  const lines = problems.map(({ line, column, reason, fix }) => `  line ${line}, column ${column}: ${reason}. ${fix}`);
  if (more > 0) lines.push(`  and ${more} more`);
  const found = problems.length + more;
  return new CliError('file_invalid', `${file}: ${found} ${found === 1 ? 'row is' : 'rows are'} wrong, nothing was sent:\n${lines.join('\n')}`);
}
