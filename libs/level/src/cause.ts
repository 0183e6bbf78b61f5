/** What LevelDB says went wrong: `Database failed to open` says nothing, its cause does. */
export interface Cause {
  /** Another process has the directory open. */
  readonly isLocked: boolean;
  readonly message: string;
}

/** Not by `instanceof`: errors of native code may be of another realm. */
export function causeOf(error: unknown): Cause {
  let at: Partial<Record<'code' | 'message' | 'cause', unknown>> = Object(error) as object;
  while (typeof at.cause === 'object' && at.cause !== null) at = at.cause;
  const isLocked = at.code === 'LEVEL_LOCKED';
  const message = typeof at.message === 'string' ? at.message : String(error);
  return { isLocked, message: isLocked ? 'another process has it open' : message };
}
