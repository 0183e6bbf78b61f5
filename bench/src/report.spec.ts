import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { page, report, type Printed } from './report';

const printed: Printed = {
  bench: 'scale',
  measured: { commit: 'abc123', date: '2026-11-27T04:00:00Z', seconds: 20, machine: '2 × Some, 24 GiB' },
  conditions: { stores: 'in memory', settings: { MERIDIAN_FLUSH_AGE_MS: 10_000 } },
  sessions: 7,
  targets: [{ name: 'spread', is: 0.1, atMost: 0.2, met: true }],
};
const missing: Printed = { ...printed, measured: { ...printed.measured, commit: 'def456' }, targets: [{ name: 'spread', is: 0.3, atMost: 0.2, met: false }] };

describe('the report', () => {
  it('says of every run its commit, date, seconds, stores and changed settings, and of all their machine', () => {
    expect(page([printed])).toContain('| `scale` | abc123 | 2026-11-27T04:00:00Z | 20 | in memory | MERIDIAN_FLUSH_AGE_MS 10000 |');
    expect(page([printed])).toContain('Machine: 2 × Some, 24 GiB.');
  });

  it('tells the machines apart when there were several', () => {
    const other: Printed = { ...printed, bench: 'fold', measured: { ...printed.measured, machine: '8 × Other' } };
    expect(page([printed, other])).toContain('Machine (scale): 2 × Some, 24 GiB.\nMachine (fold): 8 × Other.');
  });

  it('shows a target that one of the runs missed as missed, with what bounds it', () => {
    expect(page([printed, missing])).toContain('| `scale` | spread | 0.1, 0.3 | ≤ 0.2 | **missed** |');
    expect(page([printed, missing])).toMatch(/What bounds those that are missed:\n\n- `scale`: ./);
    expect(page([printed])).not.toContain('What bounds');
  });

  it('refuses figures of which nobody knows where they were measured', () => {
    const directory = mkdtempSync(join(tmpdir(), 'meridian-bench-'));
    try {
      const file = join(directory, 'old.json');
      writeFileSync(file, JSON.stringify({ bench: 'fold', targets: [] }));
      expect(() => report([file])).toThrow('does not say where fold was measured');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
