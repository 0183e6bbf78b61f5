/**
 * How numbers, times and tables look to a person. Colours are added only on a terminal, so that what is piped is
 * plain text.
 */
import { styleText } from 'node:util';

export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly align?: 'left' | 'right';
}

/** `90695412` → `90,695,412`. */
export function count(value: bigint | number | string): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? text.replace(/\B(?=(\d{3})+$)/g, ',') : text;
}

/** RFC 3339, UTC, to the second. */
export function instant(ms: number): string {
  return ms > 0 ? new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z') : '–';
}

export function bold(text: string): string {
  return styled(['bold'], text);
}

export function good(text: string): string {
  return styled(['bold', 'green'], text);
}

export function bad(text: string): string {
  return styled(['bold', 'red'], text);
}

/** Older versions of Node, on which `doctor` must run, do not look at the stream. */
function styled(format: ('bold' | 'green' | 'red')[], text: string): string {
  return process.stdout.isTTY ? styleText(format, text, { stream: process.stdout }) : text;
}

/** Columns as wide as their widest cell, two spaces between, no spaces at the end of a line. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)));
  const line = (cells: readonly string[], decorate: (text: string) => string = (text) => text): string =>
    columns
      .map(({ align }, at) => {
        const cell = cells[at] ?? '';
        const width = widths[at] ?? 0;
        return decorate(align === 'right' ? cell.padStart(width) : cell.padEnd(width));
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ title }) => title), bold), ...rows.map((row) => line(row))].join('\n');
}

/** Name and value, one per line, names padded. */
export function facts(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
