/** A broken invariant inside a chart: the chart throws, its host ends the node. */
export function invariant(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new Error(`invariant broken: ${claim}`)
}
