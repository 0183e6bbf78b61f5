import fc from 'fast-check';
import { decodeFrame, decodeHeader, encodeFrame, encodeHeader, HEADER_BYTES, measure, type EventText } from './segment';

const event = fc.record({ id: fc.string({ unit: 'binary' }), text: fc.string({ unit: 'grapheme' }) }).map((value): EventText => JSON.stringify(value));
const frames = fc.array(fc.array(event, { minLength: 1, maxLength: 5 }), { maxLength: 6 });

const segmentOf = (of: readonly (readonly EventText[])[]): Buffer => Buffer.concat([encodeHeader(HEADER_BYTES), ...of.map(encodeFrame)]);

function eventsOf(bytes: Buffer): EventText[] {
  const { end } = measure(bytes);
  const events: EventText[] = [];
  for (let frame = decodeFrame(bytes, HEADER_BYTES); frame && frame.end <= end; frame = decodeFrame(bytes, frame.end)) events.push(...frame.events);
  return events;
}

describe('a segment', () => {
  it('gives back what was written, whatever it is', () => {
    fc.assert(fc.property(frames, (of) => {
      const bytes = segmentOf(of);
      expect(measure(bytes)).toEqual({ end: bytes.length, isDamaged: false });
      expect(eventsOf(bytes)).toEqual(of.flat());
    }));
  });

  it('that ends early has its whole frames and nothing of the one that was torn', () => {
    fc.assert(fc.property(frames, fc.nat(), (of, cut) => {
      const bytes = segmentOf(of);
      const torn = bytes.subarray(0, cut % (bytes.length + 1));
      const whole = of.filter((_, at) => segmentOf(of.slice(0, at + 1)).length <= torn.length);
      expect(eventsOf(torn)).toEqual(whole.flat());
      expect(measure(torn).isDamaged).toBe(false);
    }));
  });

  it('with a wrong byte says so, unless only the last frame has it: then that was torn', () => {
    fc.assert(fc.property(frames.filter((of) => of.length > 0), fc.nat(), fc.integer({ min: 1, max: 255 }), (of, at, change) => {
      const bytes = segmentOf(of);
      const last = segmentOf(of.slice(0, -1)).length;
      const index = HEADER_BYTES + (at % (bytes.length - HEADER_BYTES));
      bytes[index] = bytes[index]! ^ change;
      const { end, isDamaged } = measure(bytes);
      expect(isDamaged).toBe(index < last);
      expect(end).toBeLessThanOrEqual(index);
    }));
  });
});

describe('a segment of which one byte at the edge of a frame is wrong', () => {
  const of = [['{"id":"a"}', '{"id":"b"}'], ['{"id":"c"}'], ['{"id":"d"}']];
  const starts = of.map((_, at) => segmentOf(of.slice(0, at)).length);
  const edges = [starts[1]! - 1, starts[1]!, starts[2]! - 1];

  it.each(edges)('says so, also where that byte is the line break before a whole frame: %i', (index) => {
    for (let change = 1; change < 256; change++) {
      const bytes = segmentOf(of);
      bytes[index] = bytes[index]! ^ change;
      expect(measure(bytes)).toMatchObject({ isDamaged: true });
    }
  });
});

describe("a segment's header", () => {
  it('says how far all is acknowledged, in as many bytes as ever', () => {
    fc.assert(fc.property(fc.integer({ min: HEADER_BYTES, max: 2 ** 40 }), (acked) => {
      expect(encodeHeader(acked)).toHaveLength(HEADER_BYTES);
      expect(decodeHeader(encodeHeader(acked))).toBe(acked);
    }));
  });

  it('says nothing when it was being written as the machine died', () => {
    fc.assert(fc.property(fc.nat({ max: HEADER_BYTES - 1 }), (at) => {
      const half = Buffer.concat([encodeHeader(1_234_567).subarray(0, at), encodeHeader(7_654_321).subarray(at)]);
      expect([HEADER_BYTES, 1_234_567, 7_654_321]).toContain(decodeHeader(half));
      expect(decodeHeader(encodeHeader(99).subarray(0, at))).toBe(HEADER_BYTES);
    }));
  });
});
