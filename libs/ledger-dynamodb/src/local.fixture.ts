/** For specs: the DynamoDB Local that `npm run test:stack` has started, and clients of it. */
import { invariant } from '@meridian/accounting';

/** DynamoDB Local takes any secret, and has a database per key id and region. */
const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' } as const;

export interface Local {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: typeof CREDENTIALS;
}

export function local(): Local {
  const stack = JSON.parse(process.env['MERIDIAN_TEST_STACK'] ?? '{}') as { readonly dynamodb?: Readonly<Record<string, string>> };
  const [first] = Object.entries(stack.dynamodb ?? {});
  invariant(first !== undefined, 'no DynamoDB Local was started: run `npm run test:stack`');
  const [region, endpoint] = first;
  return { region, endpoint, credentials: CREDENTIALS };
}
