/** The effects of the join phase: members are taken, dropped and told of their generation. */
import { KafkaError } from '../../transport/protocol/errors.ts'
import { invariant } from '../invariant.ts'
import type { Environment, JoinCall, Place } from './environment.ts'
import {
  addMember,
  electJoinedLeader,
  type Group,
  type JoinOutcome,
  type Member,
  metadataFor,
  NO_BYTES,
  newMember,
  replaceMember,
  selectProtocol,
  updateTerms,
} from './members.ts'
import { groupRecord } from './records.ts'

export function takeJoin(env: Environment, { group }: Place, call: JoinCall): void {
  const member = memberOf(env, group, call)
  // Only a connection that is gone leaves an older request of the same member behind.
  member.join?.({ error: 'REBALANCE_IN_PROGRESS', memberId: member.memberId })
  member.join = call.respond
}

function memberOf(env: Environment, group: Group, call: JoinCall): Member {
  if (call.member === undefined) {
    env.sessions.endPromise(group, call.memberId)
    const member = newMember(call.memberId, call.groupInstanceId, call.terms)
    addMember(group, call.protocolType, member)
    env.sessions.renewForJoin(group, member)
    return member
  }
  if (call.member.memberId !== call.memberId) return replace(env, group, call.member, call)
  updateTerms(group, call.member, call.terms)
  return call.member
}

/** The process that had the instance id before is fenced at once (KIP-345). */
function replace(env: Environment, group: Group, old: Member, call: JoinCall): Member {
  old.join?.({ error: 'FENCED_INSTANCE_ID', memberId: old.memberId })
  old.sync?.({
    error: 'FENCED_INSTANCE_ID',
    protocolType: null,
    protocolName: null,
    assignment: NO_BYTES,
  })
  old.join = null
  old.sync = null
  env.sessions.end(old)
  const fresh = replaceMember(group, old, call.memberId)
  updateTerms(group, fresh, call.terms)
  env.sessions.renew(group, fresh)
  return fresh
}

/**
 * A static member comes back and nothing else changes: its new id is stored, then it goes on with
 * the assignment it had. Before v9 an answer cannot say "you lead, but do not assign", so the
 * leader is told under its old id.
 */
export function storeReplacement(env: Environment, { shard, group }: Place, call: JoinCall): void {
  const old = call.member
  invariant(old !== undefined, 'somebody is replaced', { groupId: group.groupId })
  const leaderBefore = group.leaderId ?? ''
  const fresh = replace(env, group, old, call)
  const leads = group.leaderId === fresh.memberId
  const knowsSkipping = call.apiVersion >= 9
  const outcome: JoinOutcome = {
    ...generationOutcome(group, fresh.memberId),
    leader: knowsSkipping ? (group.leaderId ?? '') : leaderBefore,
    skipAssignment: knowsSkipping && leads,
    members: knowsSkipping && leads ? everybody(group) : [],
  }
  try {
    shard.log.write({
      records: [groupRecord(group, assignmentsOf(group))],
      done: (error) =>
        call.respond(error === 'NONE' ? outcome : { error, memberId: call.memberId }),
    })
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    env.sessions.end(fresh)
    const restored = replaceMember(group, fresh, old.memberId)
    updateTerms(group, restored, old)
    env.sessions.renew(group, restored)
    call.respond({ error: error.code, memberId: '' })
  }
}

export function answerCurrentGeneration({ group }: Place, call: JoinCall): void {
  const leads = group.leaderId === call.memberId
  call.respond({
    ...generationOutcome(group, call.memberId),
    members: leads ? everybody(group) : [],
  })
}

/** A generation begins: its leader, its protocol, and an answer for all who wait. */
export function answerJoins(env: Environment, { group }: Place, generationId: number): void {
  const elected = electJoinedLeader(group)
  invariant(elected, 'a generation has a member that joined', { groupId: group.groupId })
  group.generationId = generationId
  group.protocolName = selectProtocol(group)
  for (const member of group.members.values()) {
    const { join, memberId } = member
    member.join = null
    member.isNew = false
    member.synced = false
    env.sessions.renew(group, member)
    const leads = group.leaderId === memberId
    join?.({ ...generationOutcome(group, memberId), members: leads ? everybody(group) : [] })
  }
  const { groupId, protocolName, members, leaderId } = group
  env.log.info(
    { groupId, generationId, protocolName, leaderId, members: members.size },
    'group has a new generation',
  )
}

export function dropUnjoined(env: Environment, place: Place): void {
  for (const member of [...place.group.members.values()]) {
    if (member.join === null && member.groupInstanceId === null) env.evict(place, member)
  }
}

const generationOutcome = (group: Group, memberId: string) => ({
  error: 'NONE' as const,
  memberId,
  generationId: group.generationId,
  protocolType: group.protocolType,
  protocolName: group.protocolName,
  leader: group.leaderId ?? '',
  skipAssignment: false,
  members: [] as ReturnType<typeof everybody>,
})

/** What the leader assigns to: each member with its metadata for the selected protocol. */
const everybody = (group: Group) =>
  Array.from(group.members.values(), (member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: metadataFor(member, group.protocolName),
  }))

export const assignmentsOf = (group: Group): Map<string, Buffer> =>
  new Map(Array.from(group.members.values(), ({ memberId, assignment }) => [memberId, assignment]))
