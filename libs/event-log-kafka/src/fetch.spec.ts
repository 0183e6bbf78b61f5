import Encoder from 'kafkajs/src/protocol/encoder';
import { requests } from 'kafkajs/src/protocol/requests';
import { stored } from './batches.fixture';
import { readAnswer } from './fetch';

let batches: Buffer;
beforeAll(async () => {
  batches = await stored({ base: 5, time: 1, epoch: 0, isCompressed: false, records: [{ key: 'k', value: 'v', headers: {} }] });
});

/** The fields of an answer that came with a version. */
const WITH = { logStart: 5, session: 7, replica: 11 };
const THROTTLE_MS = 7;
const VERSIONS = requests.Fetch.versions.map(Number).filter((version) => version >= 4);

/** As a broker writes it. */
function answer(version: number, { partitionError = 0, sessionError = 0, aborted = 0 } = {}): Buffer {
  const encoder = new Encoder().writeInt32(THROTTLE_MS);
  if (version >= WITH.session) encoder.writeInt16(sessionError).writeInt32(0);
  encoder.writeInt32(1).writeString('events').writeInt32(1).writeInt32(3).writeInt16(partitionError).writeInt64(10).writeInt64(10);
  if (version >= WITH.logStart) encoder.writeInt64(0);
  encoder.writeInt32(aborted);
  for (let i = 0; i < aborted; i++) encoder.writeInt64(1).writeInt64(2);
  if (version >= WITH.replica) encoder.writeInt32(-1);
  return Buffer.from(encoder.writeBytes(batches).buffer);
}

describe('the answer to a fetch', () => {
  it.each(VERSIONS)('is read in version %i', (version) => {
    expect(readAnswer(answer(version), version)).toMatchObject({ errorCode: 0, bytes: batches });
    expect(readAnswer(answer(version, { aborted: 2 }), version)).toMatchObject({ errorCode: 0, bytes: batches });
    expect(readAnswer(answer(version, { partitionError: 6 }), version)).toMatchObject({ errorCode: 6 });
  });

  it.each(VERSIONS)('is laid out as kafkajs knows version %i', async (version) => {
    const { response } = requests.Fetch.protocol({ version })({ replicaId: -1, isolationLevel: 0, maxWaitTime: 0, minBytes: 1, maxBytes: 1, topics: [] });
    const decoded = await response.decode(answer(version, { partitionError: 6 }));
    expect(decoded).toMatchObject({ responses: [{ topicName: 'events', partitions: [{ partition: 3, errorCode: 6, messages: [{ offset: '5' }] }] }] });
  });

  it('makes the next request wait when the broker says so, which it did itself before version 8', () => {
    expect(readAnswer(answer(8), 8)).toMatchObject({ clientSideThrottleTime: THROTTLE_MS });
    expect(readAnswer(answer(7), 7)).not.toHaveProperty('clientSideThrottleTime');
  });

  it('may fail as a whole, or be one the log cannot use', () => {
    expect(readAnswer(answer(11, { sessionError: 71 }), 11)).toMatchObject({ errorCode: 71 });
    expect(() => readAnswer(answer(4), 3)).toThrow(expect.objectContaining({ code: 'log_invalid' }) as Error);
  });
});
