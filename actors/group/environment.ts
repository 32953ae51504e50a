/** What the parts of a coordinator share: ports, session timers and the way to a group's chart. */
import type { GroupEvent } from '../../machines/group.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { Group, JoinOutcome, Member, MemberTerms, SyncOutcome, Waiting } from './members.ts'
import type { Sessions } from './sessions.ts'
import type { Shard } from './shard.ts'

export type Place = { shard: Shard; group: Group }

/** A JoinGroup on its way through the chart. */
export type JoinCall = {
  type: 'join'
  memberId: string
  /** Who it is already; undefined: somebody new. Of a replacement, who had the instance before. */
  member: Member | undefined
  groupInstanceId: string | null
  protocolType: string
  terms: MemberTerms
  apiVersion: number
  respond: Waiting<JoinOutcome>
}
/** A SyncGroup on its way through the chart. */
export type SyncCall = {
  type: 'sync'
  member: Member
  assignments: Map<string, Buffer>
  respond: Waiting<SyncOutcome>
}
export type Call = JoinCall | SyncCall

type OfRequest = Extract<GroupEvent, { request: number }>
type WithoutRequest<E> = E extends OfRequest ? Omit<E, 'request'> : never

export type Environment = {
  clock: Clock
  random: Random
  config: Config
  log: Logger
  sessions: Sessions
  tell(place: Place, event: GroupEvent): void
  /** Tells the chart of a request; its effects find the call by the event's number. */
  ask(place: Place, call: Call, event: WithoutRequest<OfRequest>): void
  /** A group that was replayed with members goes on. */
  resume(group: Group): void
  /** Answers whoever waits, ends the session and forgets the member; the chart is told by the caller. */
  evict(place: Place, member: Member): void
}
