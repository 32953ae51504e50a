/** SyncGroup and Heartbeat: what a member of the current generation may ask for. */
import type { Request } from '../../transport/protocol/api.ts'
import { type ErrorName, refuse } from '../../transport/protocol/errors.ts'
import type { Heartbeat } from '../../transport/schemas/12-heartbeat.ts'
import type { SyncGroup } from '../../transport/schemas/14-sync-group.ts'
import type { Environment } from './environment.ts'
import {
  type Group,
  type Member,
  memberFor,
  rosterWithSync,
  type SyncOutcome,
  unknownMember,
  type Waiting,
} from './members.ts'
import type { Shard } from './shard.ts'

type Sync = Request<typeof SyncGroup>
type Beat = Request<typeof Heartbeat>

/** @throws KafkaError; otherwise `respond` is called once, maybe later */
export function syncGroup(
  env: Environment,
  shard: Shard,
  request: Sync,
  respond: Waiting<SyncOutcome>,
): void {
  const { group, member } = speaker(shard, request)
  checkGeneration(group, request.generationId)
  checkProtocol('protocol type', request.protocolType, group.protocolType)
  checkProtocol('protocol', request.protocolName, group.protocolName)
  const leads = group.leaderId === member.memberId
  const assignments = new Map<string, Buffer>()
  // A copy: the frame of the request is not ours to keep.
  for (const row of leads ? request.assignments : []) {
    assignments.set(row.memberId, Buffer.from(row.assignment))
  }
  const roster = rosterWithSync(group, member)
  const call = { type: 'sync', member, assignments, respond } as const
  env.ask({ shard, group }, call, { type: 'SyncGroup', leads, roster })
}

/** Heartbeats decide nothing: they are answered from the group's state. */
export function heartbeat(env: Environment, shard: Shard, request: Beat): ErrorName {
  const { group, member } = speaker(shard, request)
  checkGeneration(group, request.generationId)
  env.sessions.renew(group, member)
  return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
}

function speaker(
  shard: Shard,
  request: { groupId: string; memberId: string; groupInstanceId: string | null },
): { group: Group; member: Member } {
  const { groupId, memberId, groupInstanceId } = request
  const group = shard.groups.get(groupId) ?? unknownMember(groupId, memberId)
  return { group, member: memberFor(group, memberId, groupInstanceId) }
}

export function checkGeneration(group: Group, generationId: number): void {
  if (generationId === group.generationId) return
  refuse(
    'ILLEGAL_GENERATION',
    `group ${group.groupId} is in generation ${group.generationId}, not ${generationId}; join it again`,
  )
}

/** From v5 a member says what it takes to be selected (KIP-559). */
function checkProtocol(what: string, said: string | null, is: string | null): void {
  if (said === null || is === null || said === is) return
  refuse('INCONSISTENT_GROUP_PROTOCOL', `the ${what} is ${is}, not ${said}; join again`)
}
