/** The effects of the sync phase: the leader's assignment is stored, then everybody gets a part. */
import { type ErrorName, KafkaError } from '../../transport/protocol/errors.ts'
import type { Environment, Place, SyncCall } from './environment.ts'
import { type Group, type Member, NO_BYTES, type SyncOutcome } from './members.ts'
import { groupRecord } from './records.ts'

export function parkSync(_: Environment, __: Place, { member, respond }: SyncCall): void {
  member.sync?.(syncError('REBALANCE_IN_PROGRESS'))
  member.sync = respond
  member.synced = true
}

/** What the leader left out gets nothing; what it made up is nobody. */
export function storeAssignment(env: Environment, place: Place, call: SyncCall): void {
  const { shard, group } = place
  const { generationId } = group
  const assignments = new Map<string, Buffer>()
  for (const memberId of group.members.keys()) {
    assignments.set(memberId, call.assignments.get(memberId) ?? NO_BYTES)
  }
  group.storing = assignments
  const done = (error: ErrorName) =>
    env.tell(
      place,
      error === 'NONE'
        ? { type: 'assignmentStored', generationId }
        : { type: 'assignmentFailed', generationId, error },
    )
  try {
    shard.log.write({ records: [groupRecord(group, assignments)], done })
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    done(error.code)
  }
}

export function answerSync(env: Environment, { group }: Place, call: SyncCall): void {
  call.member.synced = true
  env.sessions.renew(group, call.member)
  call.respond(syncOutcome(group, call.member))
}

export function answerSyncs(env: Environment, { group }: Place): void {
  for (const member of group.members.values()) {
    member.assignment = group.storing?.get(member.memberId) ?? NO_BYTES
    settleSync(env, group, member, syncOutcome(group, member))
  }
  group.storing = null
}

export function refuseSyncs(env: Environment, { group }: Place, error: ErrorName): void {
  group.storing = null
  for (const member of group.members.values()) {
    member.assignment = NO_BYTES
    settleSync(env, group, member, syncError(error))
  }
}

function settleSync(env: Environment, group: Group, member: Member, outcome: SyncOutcome): void {
  const { sync } = member
  if (sync === null) return
  member.sync = null
  env.sessions.renew(group, member)
  sync(outcome)
}

export function dropUnsynced(env: Environment, place: Place): void {
  for (const member of [...place.group.members.values()]) {
    if (!member.synced) env.evict(place, member)
  }
}

/** The last member left. That a generation passed is worth a record, but nobody waits for it. */
export function storeEmpty(env: Environment, { shard, group }: Place, generationId: number): void {
  group.generationId = generationId
  group.protocolName = null
  group.stateTimestampMs = env.clock.now()
  const { groupId } = group
  const failed = (error: ErrorName) => {
    if (error !== 'NONE') env.log.warn({ groupId, error }, 'the empty group was not stored')
  }
  try {
    shard.log.write({ records: [groupRecord(group, new Map())], done: failed })
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    failed(error.code)
  }
}

const syncOutcome = (group: Group, member: Member): SyncOutcome => ({
  error: 'NONE',
  protocolType: group.protocolType,
  protocolName: group.protocolName,
  assignment: member.assignment,
})

export const syncError = (error: ErrorName): SyncOutcome => ({
  error,
  protocolType: null,
  protocolName: null,
  assignment: NO_BYTES,
})
