import fc from 'fast-check';
import { ByteReader, ByteWriter, openRow, utf8Length } from './bytes';
import { AccountingError } from './errors';
import { InvariantViolation } from './invariant';

const VERSION = 7;

function sealed(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  writer.start();
  writer.byte(VERSION);
  write(writer);
  return writer.sealed();
}

function read<T>(row: Uint8Array, take: (reader: ByteReader) => T): T {
  const reader = openRow(row, VERSION, 'row');
  const value = take(reader);
  reader.expectEnd();
  return value;
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof AccountingError ? error.code : `not an AccountingError: ${String(error)}`;
  }
  return 'nothing was thrown';
}

const MAX = Number.MAX_SAFE_INTEGER;
const edges = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 49 - 1, 2 ** 49, MAX - 1, MAX];
const anyNumber = fc.oneof(fc.constantFrom(...edges), fc.maxSafeNat(), fc.nat());
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.string({ unit: 'grapheme' }));

describe('numbers in rows', () => {
  it('come back as they were written, at every size', () => {
    fc.assert(
      fc.property(fc.array(anyNumber), (numbers) => {
        const row = sealed((writer) => numbers.forEach((number) => writer.varint(number)));
        expect(read(row, (reader) => numbers.map(() => reader.varint()))).toEqual(numbers);
      }),
    );
  });

  it.each(edges)('come back at the edge %d', (edge) => {
    expect(read(sealed((writer) => writer.varint(edge)), (reader) => reader.varint())).toBe(edge);
  });

  it.each([-1, 0.5, NaN, Infinity, 2 ** 53])('are never written when they are %d', (number) => {
    expect(() => sealed((writer) => writer.varint(number))).toThrow(InvariantViolation);
  });

  it.each([
    ['with a zero at the end, which has a shorter form', [0x80, 0x00]],
    ['of 2^53', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ['of 2^56 − 1', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['in nine bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ['that never ends', new Array<number>(400).fill(0x80)],
    ['that is cut off', [0x80]],
    ['that is not there', []],
  ])('are refused %s', (_title, bytes) => {
    expect(codeOf(() => new ByteReader(Uint8Array.from(bytes), 0, bytes.length).varint())).toBe('corrupt_row');
  });
});

describe('sums in rows', () => {
  const anySum = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 112n - 1n }), fc.constantFrom(0n, 127n, 128n, 2n ** 53n, 2n ** 112n - 1n));

  it('come back as they were written, at every size', () => {
    fc.assert(
      fc.property(fc.array(anySum), (sums) => {
        const row = sealed((writer) => sums.forEach((sum) => writer.bigVarint(sum)));
        expect(read(row, (reader) => sums.map(() => reader.bigVarint()))).toEqual(sums);
      }),
    );
  });

  it.each([-1n, 2n ** 112n])('are never written when they are %d', (sum) => {
    expect(() => sealed((writer) => writer.bigVarint(sum))).toThrow(InvariantViolation);
  });

  it.each([
    ['with a zero at the end', [0x80, 0x00]],
    ['in seventeen bytes', [...new Array<number>(16).fill(0x80), 0x01]],
    ['that never end', new Array<number>(400).fill(0xff)],
    ['that are cut off', [0x80]],
  ])('are refused %s', (_title, bytes) => {
    expect(codeOf(() => new ByteReader(Uint8Array.from(bytes), 0, bytes.length).bigVarint())).toBe('corrupt_row');
  });
});

describe('text in rows', () => {
  it('comes back as it was written, whatever characters it has', () => {
    fc.assert(
      fc.property(fc.array(anyText), (texts) => {
        const row = sealed((writer) => texts.forEach((text) => writer.text(text)));
        expect(read(row, (reader) => texts.map(() => reader.text()))).toEqual(texts);
      }),
    );
  });

  it('keeps a U+FEFF at its beginning', () => {
    expect(read(sealed((writer) => writer.text('\ufeffsession')), (reader) => reader.text())).toBe('\ufeffsession');
  });

  it('is never written with a lone surrogate', () => {
    expect(() => sealed((writer) => writer.text('a\ud800'))).toThrow(InvariantViolation);
  });

  it('is refused when it is not UTF-8', () => {
    expect(codeOf(() => new ByteReader(Uint8Array.of(2, 0xc3, 0x28), 0, 3).text())).toBe('corrupt_row');
  });

  it('is refused when its length goes beyond the row', () => {
    expect(codeOf(() => new ByteReader(Uint8Array.of(3, 0x61, 0x62), 0, 3).text())).toBe('corrupt_row');
  });
});

describe('utf8Length', () => {
  it('agrees with the encoder', () => {
    fc.assert(fc.property(anyText, (text) => expect(utf8Length(text)).toBe(Buffer.byteLength(text, 'utf8'))));
  });
});

describe('a row', () => {
  const anyRow = fc.array(anyText, { maxLength: 8 }).map((texts) => sealed((writer) => texts.forEach((text) => writer.text(text))));

  it('is the same bytes for the same content, however often the writer was used before', () => {
    const writer = new ByteWriter();
    const rows = [1, 2].map(() => {
      writer.start();
      writer.byte(VERSION);
      writer.text('x'.repeat(1_000));
      return writer.sealed();
    });
    expect(rows[1]).toEqual(rows[0]);
  });

  it('stays as it is whatever is written after it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ maxLength: 60 }), fc.boolean()), { maxLength: 400 }), (texts) => {
        const writer = new ByteWriter();
        const rows = texts.map(([text, isRepeated]) => {
          writer.start();
          writer.byte(VERSION);
          writer.text(isRepeated ? text.repeat(100) : text);
          return writer.sealed();
        });
        expect(rows.map((row) => read(row, (reader) => reader.text()))).toEqual(
          texts.map(([text, isRepeated]) => (isRepeated ? text.repeat(100) : text)),
        );
      }),
    );
  });

  it('holds nothing of what was given up before it', () => {
    const writer = new ByteWriter();
    writer.start();
    writer.text('given up');
    writer.start();
    writer.byte(VERSION);
    writer.varint(5);
    expect(read(writer.sealed(), (reader) => reader.varint())).toBe(5);
  });

  it('does not open when any one bit of it is turned', () => {
    fc.assert(
      fc.property(anyRow, fc.nat(), (row, bit) => {
        const damaged = Uint8Array.from(row);
        const at = bit % (row.length * 8);
        damaged[at >> 3]! ^= 1 << (at & 7);
        expect(codeOf(() => openRow(damaged, VERSION, 'row'))).toBe(at < 8 ? 'unknown_version' : 'corrupt_row');
      }),
    );
  });

  it('does not open when it is cut short or goes on', () => {
    fc.assert(
      fc.property(anyRow, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 40 }), (row, length, more) => {
        expect(codeOf(() => openRow(row.subarray(0, length % row.length), VERSION, 'row'))).toBe('corrupt_row');
        expect(codeOf(() => openRow(Uint8Array.from([...row, ...more]), VERSION, 'row'))).toBe('corrupt_row');
      }),
    );
  });

  it('does not open when two of its bytes are swapped', () => {
    const row = sealed((writer) => writer.text('ab'));
    const swapped = Uint8Array.from(row);
    [swapped[2], swapped[3]] = [row[3]!, row[2]!];
    expect(codeOf(() => openRow(swapped, VERSION, 'row'))).toBe('corrupt_row');
  });

  it('opens where it lies inside a larger buffer', () => {
    const row = sealed((writer) => writer.varint(300));
    const larger = new Uint8Array(row.length + 9);
    larger.set(row, 5);
    expect(read(larger.subarray(5, 5 + row.length), (reader) => reader.varint())).toBe(300);
  });
});
