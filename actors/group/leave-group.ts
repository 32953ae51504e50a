/** LeaveGroup: members say good-bye, or an administrator does for static ones (KIP-345). */
import { type ErrorName, KafkaError } from '../../transport/protocol/errors.ts'
import type { Environment, Place } from './environment.ts'
import { memberFor, rosterOf, unknownMember } from './members.ts'
import type { Shard } from './shard.ts'

export type Leaver = { memberId: string; groupInstanceId: string | null }
export type Left = Leaver & { error: ErrorName }

/** Resolves, where the group became empty by it, once that is stored. */
export function leaveGroup(
  env: Environment,
  shard: Shard,
  groupId: string,
  leavers: Leaver[],
): { left: Left[]; stored: Promise<ErrorName> | null } {
  const group = shard.groups.get(groupId)
  if (group === undefined) {
    return {
      left: leavers.map((leaver) => ({ ...leaver, error: 'UNKNOWN_MEMBER_ID' })),
      stored: null,
    }
  }
  const place = { shard, group }
  const writesBefore = shard.log.writes()
  const left = leavers.map((leaver) => ({ ...leaver, error: leave(env, place, leaver) }))
  const somebodyLeft = left.some(({ error }) => error === 'NONE')
  if (somebodyLeft) env.tell(place, { type: 'LeaveGroup', roster: rosterOf(group) })
  const wrote = shard.log.writes() > writesBefore
  const stored = () => new Promise<ErrorName>((done) => shard.log.whenNewestDone(done))
  return { left, stored: wrote ? stored() : null }
}

function leave(env: Environment, place: Place, leaver: Leaver): ErrorName {
  const { group } = place
  const { memberId, groupInstanceId: instance } = leaver
  if (group.promised.has(memberId)) {
    env.sessions.endPromise(group, memberId)
    return 'NONE'
  }
  try {
    const held = memberId === '' && instance !== null ? group.instances.get(instance) : memberId
    const id = held ?? unknownMember(group.groupId, memberId)
    env.evict(place, memberFor(group, id, instance))
    return 'NONE'
  } catch (error) {
    if (error instanceof KafkaError) return error.code
    throw error
  }
}
