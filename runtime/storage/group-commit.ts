/**
 * One call in flight, and all who come meanwhile share the next: what was done before asking is
 * covered when the promise resolves.
 */
export function groupCommit(commit: () => Promise<void>): () => Promise<void> {
  let inFlight: Promise<void> | undefined
  let next: Promise<void> | undefined

  function begin(): Promise<void> {
    next = undefined
    const current = commit().finally(() => {
      inFlight = undefined
    })
    inFlight = current
    return current
  }

  return () => {
    if (next !== undefined) return next
    if (inFlight === undefined) return begin()
    next = inFlight.then(begin, begin)
    return next
  }
}
