import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkConversation, readConversation, type ConversationRow } from './conversation';

const HEADER = 'offset_ms,session,input_tokens,cached_input_tokens,output_tokens';
const SAMPLE = join(__dirname, '../../../../samples/conversation-hour.csv');

describe('a file of conversations', () => {
  let directory: string;
  let file: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'meridian-csv-'));
    file = join(directory, 'rows.csv');
  });
  afterAll(() => rm(directory, { recursive: true }));

  const checkText = async (text: string | Buffer): ReturnType<typeof checkConversation> => {
    await writeFile(file, text);
    return checkConversation(file);
  };
  const rows = async (): Promise<ConversationRow[]> => {
    const all: ConversationRow[] = [];
    for await (const row of readConversation(file)) all.push(row);
    return all;
  };

  it('sums the sample to what its README says', async () => {
    const { rows, sessions, tokens, lastOffsetMs } = await checkConversation(SAMPLE);
    expect({ rows, sessions: sessions.size, tokens }).toEqual({
      rows: 12_031, sessions: 7_373, tokens: { input: 90_695_412n, cacheRead: 54_098_411n, output: 4_122_048n },
    });
    expect(lastOffsetMs).toBeLessThan(3_600_000);
  });

  it('sums each session in disjoint buckets, beyond 2^53', async () => {
    const { sessions, tokens } = await checkText(`${HEADER}\n0,a,9007199254740991,1,2\n5,a,9007199254740991,0,0\n9,b,10,10,0\n`);
    expect(tokens).toEqual({ input: 18014398509481981n, cacheRead: 11n, output: 2n });
    expect(sessions.get('a')).toEqual({ events: 2, input: 18014398509481981n, cacheRead: 1n, output: 2n });
    expect(sessions.get('b')).toEqual({ events: 1, input: 0n, cacheRead: 10n, output: 0n });
  });

  it('takes columns in any order, further columns, quotes, a byte order mark and Windows line ends', async () => {
    await checkText('\ufeffsession,output_tokens,note,offset_ms,cached_input_tokens,input_tokens\r\n"a, ""b""",3,x,7,1,2\r\n\r\nc,6,,8,4,5\r\n');
    expect(await rows()).toEqual([
      { number: 1, offsetMs: 7, session: 'a, "b"', inputTokens: 2, cachedInputTokens: 1, outputTokens: 3 },
      { number: 2, offsetMs: 8, session: 'c', inputTokens: 5, cachedInputTokens: 4, outputTokens: 6 },
    ]);
  });

  it('names every row that is wrong, with line, column, reason and fix', async () => {
    const bad = [
      HEADER, '0,a,1,0,1', '-1,a,1,0,1', '1,,1,0,1', '2,a,1.5,0,1', '3,a,1,2,1', '4,a,1,0', '5,a,1,0,9007199254740992', '6,b\u0007,1,0,1', '7,a,NaN,0,1',
      '8,a,1,0,1,1',
    ].join('\n');
    await expect(checkText(bad)).rejects.toMatchObject({
      code: 'file_invalid',
      message: [
        `${file}: 9 rows are wrong, nothing was sent:`,
        '  line 3, column offset_ms: "-1" is not an integer 0..2^53−1. Write it as digits only.',
        '  line 4, column session: "" is not a session name. Use 1 to 256 bytes of text without control characters.',
        '  line 5, column input_tokens: "1.5" is not an integer 0..2^53−1. Write it as digits only.',
        '  line 6, column cached_input_tokens: 2 is more than input_tokens 1. Cached tokens are part of input_tokens: correct one of the two.',
        '  line 7, column all: 4 fields where the header has 5. Give every column a value; quote a value that holds a comma.',
        '  line 8, column output_tokens: "9007199254740992" is not an integer 0..2^53−1. Write it as digits only.',
        '  line 9, column session: "b\\u0007" is not a session name. Use 1 to 256 bytes of text without control characters.',
        '  line 10, column input_tokens: "NaN" is not an integer 0..2^53−1. Write it as digits only.',
        '  line 11, column all: 6 fields where the header has 5. Give every column a value; quote a value that holds a comma.',
      ].join('\n'),
    });
  });

  it('stops counting out problems at a thousand, and says how many more', async () => {
    const bad = `${HEADER}\n${'x,a,1,0,1\n'.repeat(1_500)}`;
    await expect(checkText(bad)).rejects.toThrow(/1500 rows are wrong[\s\S]*and 500 more$/);
  });

  it.each([
    ['an empty file', '', /is empty/],
    ['a file without rows', `${HEADER}\n`, /has no rows/],
    ['another header', 'time,session\n1,a\n', /no column offset_ms, input_tokens, cached_input_tokens, output_tokens/],
    ['a quote that is not closed', `${HEADER}\n0,a,1,0,1\n1,"a,1,0,1\n`, /line 3, column all: .*[Qq]uote/],
    ['a row that does not end', `${HEADER}\n0,"${'a'.repeat(100_000)}`, /Max Record Size/i],
    ['bytes that are no text', Buffer.from([0, 1, 2, 255, 254, 10, 0, 0]), /no column/],
    ['rows over more than 34 days', `${HEADER}\n0,a,1,0,1\n${35 * 86_400_000},a,1,0,1\n`, /span 35 days/],
  ])('refuses %s', async (_, text, message) => {
    await expect(checkText(text)).rejects.toMatchObject({ code: 'file_invalid', message: expect.stringMatching(message) as string });
  });

  it('says why a file cannot be read', async () => {
    await expect(checkConversation(join(directory, 'absent.csv'))).rejects.toMatchObject({ code: 'file_invalid', fix: 'Check the path.' });
    await expect(checkConversation(directory)).rejects.toMatchObject({ code: 'file_invalid', fix: 'Name a file, not a directory.' });
  });
});
