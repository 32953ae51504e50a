/** A broken rule: its id and words, as `invariants` names them. */
export class Violation extends Error {
  readonly rule: string
  readonly details: object
  constructor(rule: string, words: string, details: object = {}) {
    super(`${rule}: ${words} ${JSON.stringify(details)}`)
    this.name = 'Violation'
    this.rule = rule
    this.details = details
  }
}

export function must(
  holds: boolean,
  rule: string,
  words: string,
  details: () => object = () => ({}),
): asserts holds {
  if (!holds) throw new Violation(rule, words, details())
}
