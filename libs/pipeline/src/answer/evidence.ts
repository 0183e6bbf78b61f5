/**
 * Reading the immutable evidence of a cut at this replica: the manifests between two cuts, the deltas of a session.
 * Everything derived (totals, usage, caches) is computed from these and from nothing else.
 */
import {
  decodeManifest, invariant, parseLogId, Shapes,
  type Cut, type Hash, type Manifest, type SessionDelta, type StreamId,
} from '@meridian/accounting';
import { keys, parseDeltaSk, queryAll, type Ledger } from '@meridian/ledger';

export interface CoveredManifest {
  readonly stream: StreamId;
  /** Region of the log. */
  readonly region: string;
  readonly manifest: Manifest;
}

export class Evidence {
  readonly shapes: Shapes;

  constructor(
    private readonly ledger: Ledger,
    hash: Hash,
  ) {
    this.shapes = new Shapes(hash);
  }

  /** The manifests in the cover of `to` and not in that of `from`; `to` must be reached here. */
  async *manifestsBetween(from: Cut, to: Cut): AsyncGenerator<CoveredManifest> {
    const known = new Map(from.logs.flatMap((log) => log.segments.map((segment) => [segment.stream, segment.manifests] as const)));
    for (const { log, segments } of to.logs) {
      const { region } = parseLogId(log);
      for (const { stream, manifests } of segments) {
        let number = known.get(stream) ?? 0;
        if (number >= manifests) continue;
        const range = { from: keys.manifestSk(number + 1), to: keys.manifestSk(manifests) };
        for await (const row of queryAll(this.ledger, keys.manifestPk(stream), range, { consistent: true })) {
          number++;
          invariant(row.sk === keys.manifestSk(number), `manifest ${number} of ${stream} is missing, though cut ${to.k} was reached`);
          yield { stream, region, manifest: decodeManifest(row.value, this.shapes) };
        }
        invariant(number === manifests, `manifest ${number + 1} of ${stream} is missing, though cut ${to.k} was reached`);
      }
    }
  }

  /** One past the last offset that a manifest row covers. */
  manifestEnd(row: Uint8Array): number {
    return decodeManifest(row, this.shapes).end;
  }

  /** All deltas of a session that this replica has, in any cover or none. */
  async deltas(tenant: string, session: string): Promise<SessionDelta[]> {
    const deltas: SessionDelta[] = [];
    for await (const row of queryAll(this.ledger, keys.sessionPk(tenant, session), keys.allDeltas, { consistent: true })) {
      deltas.push({ ...parseDeltaSk(row.sk), bytes: row.value });
    }
    return deltas;
  }
}
