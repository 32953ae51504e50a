/** What a process that plays histories for another prints of each: a line of JSON. */
export type Tried = { seed: number; rule: string | undefined; words: string | undefined }

type Played = { seed: number; failure?: { why: Error } }

/** The id that an error's words begin with; `error` for one that names no rule. */
export function ruleOf(message: string): string {
  return /^(?:invariant broken: )?([A-Z]\d+|scenario):/.exec(message)?.[1] ?? 'error'
}

/** @returns whether it failed */
export function tellTried({ seed, failure }: Played): boolean {
  const words = failure?.why.message
  const tried: Tried = { seed, rule: words && ruleOf(words), words }
  console.log(JSON.stringify(tried))
  return failure !== undefined
}
