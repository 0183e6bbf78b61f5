/**
 * Taking in bodies: which content types, how many bytes (as sent and, for gzip, as inflated: the bound is held while
 * inflating, so a bomb costs no more than an honest body), and what they are parsed to.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpError } from './errors';

export interface BodyOptions<T> {
  readonly types: readonly string[];
  /** Decoded. */
  readonly bytesMax: number;
  readonly parse: (bytes: Buffer, request: FastifyRequest) => T;
}

const inflate = promisify(gunzip);

/** From now on the instance takes these content types, and no others beside those added likewise. */
export function takeBodies<T>(instance: FastifyInstance, { types, bytesMax, parse }: BodyOptions<T>): void {
  const takes = types.join(' or ');
  instance.addContentTypeParser([...types], { parseAs: 'buffer', bodyLimit: bytesMax }, async (request: FastifyRequest, bytes: Buffer) => {
    checkCharset(request.headers['content-type'], takes);
    return parse(await decode(bytes, request.headers['content-encoding'], bytesMax), request);
  });
}

/** Whether the body comes compressed: its decoded size is then not known beforehand. */
export function isCompressed(request: FastifyRequest): boolean {
  const encoding = request.headers['content-encoding'];
  return encoding !== undefined && encoding.toLowerCase() !== 'identity';
}

async function decode(bytes: Buffer, encoding: string | undefined, bytesMax: number): Promise<Buffer> {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case 'identity':
      return bytes;
    case 'gzip':
    case 'x-gzip':
      break;
    default:
      throw new HttpError('encoding_unsupported', 'the body must be plain or gzip', { headers: { 'accept-encoding': 'gzip, identity' } });
  }
  try {
    return await inflate(bytes, { maxOutputLength: bytesMax });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new HttpError('body_too_large', `the body is larger than ${bytesMax} bytes when inflated: send it in parts`, { cause });
    }
    throw new HttpError('body_malformed', 'the body is not gzip, though Content-Encoding says so', { cause });
  }
}

function checkCharset(contentType: string | undefined, takes: string): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? '')?.[1];
  if (charset !== undefined && charset.toLowerCase() !== 'utf-8' && charset.toLowerCase() !== 'utf8') {
    throw new HttpError('media_type_unsupported', `the body must be ${takes} in UTF-8, not ${charset}`);
  }
}
