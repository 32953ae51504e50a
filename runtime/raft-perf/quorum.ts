/** Three voters under load, in one process or in three. */
import type { Figures } from './load.ts'

export type Measured = Figures & {
  /** Of all voters, since `begin`. */
  cpuSeconds: number
}

export type PerfQuorum = {
  readonly pids: readonly number[]
  /** Resolves when a voter ended by itself, with the reason. */
  readonly failed: Promise<Error>
  /** What is measured starts now. */
  begin(): Promise<void>
  /** The leader's; undefined while nobody leads. */
  figures(): Promise<Measured | undefined>
  close(): Promise<void>
}
