/**
 * API keys: `mk_<id>_<secret>`. The ledger holds the SHA-256 of the secret, never the secret; a secret is 256 bits of
 * chance, so a plain hash is enough. Keys are ledger rows, readable in every region even when the control table is not.
 */
import { timingSafeEqual } from 'node:crypto';
import { invariant, NAME_PATTERN, type Clock, type Hash } from '@meridian/accounting';
import { decodeJson, encodeJson, keys, type ApiKeyRow, type Ledger, type Scope } from '@meridian/ledger';
import { HttpError } from './errors';

/** Stands for "names its tenant in each request". */
export const PLATFORM_TENANT = '*';

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const KEY_PATTERN = /^mk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
/** How long a key that was found is believed: a revoked one may work this much longer. */
const CACHE_MS = 30_000;
const CACHE_KEYS_MAX = 10_000;

/** Who asks. */
export interface Caller {
  readonly keyId: string;
  /** `*` for a platform key. */
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
}

export interface NewApiKey {
  /** A tenant, or `*` for a platform key. */
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly clock: Clock;
  /** That many bytes nobody can guess. */
  readonly randomBytes: (bytes: number) => Uint8Array;
}

/** Makes a key and answers it: the only time that it can be read. */
export async function createApiKey(ledger: Ledger, hash: Hash, { tenant, scopes, clock, randomBytes }: NewApiKey): Promise<string> {
  invariant(tenant === PLATFORM_TENANT || NAME_PATTERN.test(tenant), `a tenant matches ${NAME_PATTERN.source}`);
  const id = Buffer.from(randomBytes(ID_BYTES)).toString('hex');
  const secret = Buffer.from(randomBytes(SECRET_BYTES)).toString('base64url');
  const row: ApiKeyRow = { id, secretSha256: digest(hash, secret).toString('hex'), tenant, scopes, createdAt: clock.now() };
  const answer = await ledger.insert({ ...keys.apiKey(id), value: encodeJson(row) });
  invariant(answer === 'inserted', `key id ${id} came up twice: the source of chance is broken`);
  return `mk_${id}_${secret}`;
}

interface Known {
  readonly caller: Caller;
  readonly secretSha256: Buffer;
  readonly until: number;
}

export class ApiKeys {
  /** Oldest first. */
  private readonly known = new Map<string, Known>();

  constructor(private readonly parts: { readonly ledger: Ledger; readonly hash: Hash; readonly clock: Clock }) {}

  /** Who the `Authorization` header speaks for. Throws `unauthenticated`. */
  async caller(authorization: string | undefined): Promise<Caller> {
    if (authorization === undefined || authorization === '') throw refused('no API key: send the header "Authorization: Bearer mk_…"');
    const match = /^Bearer +(\S+)$/i.exec(authorization);
    const key = match && KEY_PATTERN.exec(match[1] as string);
    if (!key) throw refused('the Authorization header does not hold an API key: it must be "Bearer mk_<id>_<secret>"');
    const [, id, secret] = key as unknown as readonly [string, string, string];
    const known = await this.find(id);
    // The same answer for an unknown id and a wrong secret: which one it was is nobody's business.
    if (!known || !timingSafeEqual(digest(this.parts.hash, secret), known.secretSha256)) throw refused('the API key is not known in this region');
    return known.caller;
  }

  private async find(id: string): Promise<Known | undefined> {
    const now = this.parts.clock.now();
    const known = this.known.get(id);
    if (known && now < known.until) return known;
    this.known.delete(id);
    const stored = await this.parts.ledger.get(keys.apiKey(id), { consistent: false });
    if (!stored) return undefined;
    const row = decodeJson<ApiKeyRow>(stored.value);
    const secretSha256 = Buffer.from(row.secretSha256, 'hex');
    invariant(secretSha256.length === SECRET_BYTES, `key ${id} holds no SHA-256`);
    const found: Known = { caller: { keyId: id, tenant: row.tenant, scopes: new Set(row.scopes) }, secretSha256, until: now + CACHE_MS };
    this.known.set(id, found);
    if (this.known.size > CACHE_KEYS_MAX) this.known.delete(this.known.keys().next().value as string);
    return found;
  }
}

function digest(hash: Hash, secret: string): Buffer {
  return Buffer.from(hash.text(secret), 'latin1');
}

function refused(message: string): HttpError {
  return new HttpError('unauthenticated', message, { headers: { 'www-authenticate': 'Bearer' } });
}
