/**
 * The slow reading of a JSON text that something is wrong with: a strict parser that keeps the path and says what is
 * wrong and where. Runs only on bad input, and never deeper than the bound it checks.
 */
import type { HttpErrorCode } from './errors';

export interface Finding {
  readonly code: Extract<HttpErrorCode, 'body_malformed' | 'member_duplicate' | 'member_forbidden' | 'nesting_too_deep'>;
  readonly message: string;
  /** Of the member; absent where the text is no JSON at all. */
  readonly pointer?: string;
}

/** Names that code which copies members by name could take for its own. */
export const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

class Found extends Error {
  constructor(readonly finding: Finding) {
    super(finding.message);
  }
}

/** A JSON pointer (RFC 6901) of a path. */
export function pointerOf(path: readonly (string | number)[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The first thing wrong with the text; undefined when nothing is. */
export function diagnoseJson(text: string, depthMax: number): Finding | undefined {
  const reading = new Reading(text, depthMax);
  try {
    reading.document();
    return undefined;
  } catch (error) {
    if (error instanceof Found) return error.finding;
    throw error;
  }
}

/** The pointers of the numbers whose text covers the positions (ascending); the text must be sound. */
export function pointersAt(text: string, positions: readonly number[], depthMax: number): readonly string[] {
  const reading = new Reading(text, depthMax, positions);
  reading.document();
  return reading.pointers;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;
const LITERAL = /true|false|null/y;

class Reading {
  /** Of the numbers at the wanted positions. */
  readonly pointers: string[] = [];
  private at = 0;
  /** Of the wanted positions. */
  private next = 0;
  private readonly path: (string | number)[] = [];

  constructor(
    private readonly text: string,
    private readonly depthMax: number,
    private readonly wanted: readonly number[] = [],
  ) {}

  document(): void {
    this.value(0);
    this.space();
    if (this.at < this.text.length) this.malformed('there is more after the end of the value');
  }

  private value(depth: number): void {
    this.space();
    const first = this.text[this.at];
    if (first === '{') this.object(depth + 1);
    else if (first === '[') this.array(depth + 1);
    else if (first === '"') this.string('a string');
    else if (!this.take(NUMBER) && !this.take(LITERAL)) this.malformed(`a value must start here, not ${this.here()}`);
    else this.noteWanted();
  }

  /** The wanted positions ascend, and so do we: the next ones lie in the number just read, or further on. */
  private noteWanted(): void {
    if (!this.isWantedBehind()) return;
    this.pointers.push(pointerOf(this.path));
    while (this.isWantedBehind()) this.next++;
  }

  private isWantedBehind(): boolean {
    return (this.wanted[this.next] ?? Infinity) < this.at;
  }

  private object(depth: number): void {
    this.enter(depth);
    const names = new Set<string>();
    for (let isFirst = true; !this.closes('}', isFirst); isFirst = false) {
      if (this.text[this.at] !== '"') this.malformed(`a member's name in double quotes must stand here, not ${this.here()}`);
      const name = JSON.parse(this.string("a member's name")) as string;
      this.path.push(name);
      if (FORBIDDEN_NAMES.has(name)) this.found('member_forbidden', `a member must not be named ${name}: rename it`);
      if (names.has(name)) this.found('member_duplicate', 'the member occurs twice in its object, and which one counts would be a guess: send it once');
      names.add(name);
      this.space();
      this.expect(':');
      this.value(depth);
      this.path.pop();
    }
  }

  private array(depth: number): void {
    this.enter(depth);
    for (let index = 0; !this.closes(']', index === 0); index++) {
      this.path.push(index);
      this.value(depth);
      this.path.pop();
    }
  }

  private enter(depth: number): void {
    if (depth > this.depthMax) this.found('nesting_too_deep', `objects and arrays are nested deeper than ${this.depthMax}: flatten them`);
    this.at++;
  }

  /** Whether the object or array ends here; else takes the comma before the next one. */
  private closes(bracket: '}' | ']', isFirst: boolean): boolean {
    this.space();
    if (this.text[this.at] === bracket) {
      this.at++;
      return true;
    }
    if (!isFirst) {
      this.expect(',');
      this.space();
    }
    return false;
  }

  private string(what: string): string {
    const start = this.at;
    if (!this.take(STRING)) this.malformed(`${what} does not end, or holds a control character or an unknown escape`);
    return this.text.slice(start, this.at);
  }

  private expect(character: string): void {
    if (this.text[this.at] !== character) this.malformed(`"${character}" must stand here, not ${this.here()}`);
    this.at++;
  }

  private space(): void {
    this.take(SPACE);
  }

  private take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private here(): string {
    if (this.at >= this.text.length) return 'the end of the text';
    const word = /^[A-Za-z]{1,12}/.exec(this.text.slice(this.at, this.at + 12))?.[0];
    return JSON.stringify(word ?? String.fromCodePoint(this.text.codePointAt(this.at) as number));
  }

  private found(code: Finding['code'], message: string): never {
    throw new Found({ code, message: `${message} (${this.where()})`, pointer: pointerOf(this.path) });
  }

  private malformed(message: string): never {
    throw new Found({ code: 'body_malformed', message: `the text is not JSON: ${message} (${this.where()})` });
  }

  private where(): string {
    const before = this.text.slice(0, this.at);
    const line = before.split('\n').length;
    return `line ${line}, column ${this.at - before.lastIndexOf('\n')}`;
  }
}
