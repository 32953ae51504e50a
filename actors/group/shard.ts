/** One partition of `__consumer_offsets` that this broker coordinates, with the groups that live in it. */
import type { CoordinatorLog } from './coordinator-log.ts'
import type { Group } from './members.ts'
import type { Offsets } from './offsets.ts'

export type Shard = {
  readonly partition: number
  leaderEpoch: number
  /** 'failed': its log cannot be read; others may. 'closed': led elsewhere, late events are not heard. */
  phase: 'loading' | 'active' | 'failed' | 'closed'
  readonly groups: Map<string, Group>
  readonly offsets: Offsets
  readonly log: CoordinatorLog
}
