/** Loaded into a process that `idle.ts` measures: kafkajs stays as it comes, whoever tries to guard it. */
import { createRequire } from 'node:module';

interface RequestQueue {
  scheduleCheckPendingRequests(): void;
}

const { prototype } = createRequire(__filename)('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue };
const original = Object.getOwnPropertyDescriptor(prototype, 'scheduleCheckPendingRequests')?.value as unknown;
Object.defineProperty(prototype, 'scheduleCheckPendingRequests', { get: () => original, set: () => undefined });
