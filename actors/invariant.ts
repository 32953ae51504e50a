/** A broken invariant is a bug of ours: it ends the node, in production too (fail-stop). */
export class InvariantError extends Error {
  readonly details: Record<string, unknown>
  constructor(claim: string, details: Record<string, unknown> = {}) {
    super(`invariant broken: ${claim} ${JSON.stringify(details)}`)
    this.name = 'InvariantError'
    this.details = details
  }
}

/** @param claim what must hold, in words; led by its rule's id where it has one (`P15: ...`) */
export function invariant(
  holds: boolean,
  claim: string,
  details?: Record<string, unknown>,
): asserts holds {
  if (!holds) throw new InvariantError(claim, details)
}
