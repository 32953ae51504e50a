/** How a history went, as plain data: errors lose what they are on the way between threads. */
import type { Failure, Result, Summary } from './simulate.ts'
import { Violation } from './violation.ts'

export type Told = Summary & {
  realMs: number
  failure?: Omit<Failure, 'why'> & {
    /** Of the broken rule; absent: a node or the simulation itself failed. */
    rule: string | undefined
    message: string
    stack: string | undefined
  }
}

/** @param playing a history as it runs */
export async function tell(playing: Promise<Result>): Promise<Told> {
  const began = performance.now()
  const { failure, ...summary } = await playing
  const realMs = Math.round(performance.now() - began)
  if (failure === undefined) return { ...summary, realMs }
  const { why, ...rest } = failure
  const rule = why instanceof Violation ? why.rule : undefined
  return { ...summary, realMs, failure: { ...rest, rule, message: why.message, stack: why.stack } }
}
