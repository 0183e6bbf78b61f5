/** The third kind of error: a broken invariant. It is a defect of ours; the process stops and nothing is committed. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/** Throws `InvariantViolation` unless `condition` holds; `why` says what would go wrong. */
export function invariant(condition: unknown, why: string): asserts condition {
  if (!condition) throw new InvariantViolation(why);
}
