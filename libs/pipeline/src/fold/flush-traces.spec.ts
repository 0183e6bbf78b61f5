import { FlushTraces } from './flush-traces';

const trace = (number: number, flags = '01'): { traceparent: string } => ({ traceparent: `00-${String(number).padStart(32, '0')}-b7ad6b7169203331-${flags}` });

describe('the traces of a flush', () => {
  it('are those of the requests that are recorded, each once, however many came before that are not', () => {
    const traces = new FlushTraces();
    for (let other = 100; other < 200; other++) traces.note(trace(other, '00'));
    for (const flags of ['01', '01', '03', '0b']) traces.note(trace(1, flags));
    for (const headers of [{}, { traceparent: '' }, { traceparent: 'nonsense' }, trace(2, '02')]) traces.note(headers);
    expect(traces.kept).toEqual([trace(1), trace(1, '03'), trace(1, '0b')]);
  });

  it('are few, whatever comes', () => {
    const traces = new FlushTraces();
    for (let request = 0; request < 100; request++) traces.note(trace(request));
    expect(traces.kept).toEqual(Array.from({ length: 16 }, (_, request) => trace(request)));
  });
});
