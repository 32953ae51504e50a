/**
 * A member of a classic group, as a client's library has one: it joins, takes its part, says that it
 * lives, commits ever higher offsets, and joins again when it is told to. What it learns it tells.
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { type Client, NoAnswerError } from './client.ts'
import { groupRequests, type Identity } from './group-requests.ts'

export type MemberEvents = {
  synced(group: string, memberId: string, generation: number, partitions: number[]): void
  committing(group: string, partition: number, offset: number): void
  /** Its coordinator, by this address, says so. */
  committed(group: string, partition: number, offset: number, at: string): void
  /** An offset for a commit that must be refused. */
  wrongOffset(): number
  /** What such a commit was answered. */
  refused(wrong: Identity, errors: number[]): void
  /** What must be found at least, as of now; then what was found. */
  fetching(group: string, partition: number): (offset: number) => void
}

export type Member = {
  leave(): void
  /** As kill -9: it just says nothing any more. */
  die(): void
  /** What it owns; undefined: it is on its way into a generation. */
  owns(): { generation: number; partitions: number[] } | undefined
}

type Group = { id: string; topic: string; partitions: number }

const pauseMs = 200
const heartbeatMs = 1_000

export function createMember(client: Client, group: Group, events: MemberEvents): Member {
  const { id: groupId, topic: name } = group
  const ask = groupRequests(client)
  let isOn = true
  let isLeaving = false
  let memberId = ''
  let beats = 0
  let coordinator: string | undefined
  let owned: { generation: number; partitions: number[] } | undefined

  /** One generation, from joining to whatever ends it. */
  async function live(at: string): Promise<void> {
    const joined = await ask.join(at, groupId, memberId)
    if (joined.errorCode === errorCodes.MEMBER_ID_REQUIRED) {
      memberId = joined.memberId
      return
    }
    if (!isFine(joined.errorCode)) return
    memberId = joined.memberId
    const generationId = joined.generationId
    const assignments =
      joined.leader === memberId ? assign(joined.members.map((each) => each.memberId)) : []
    const self = { groupId, generationId, memberId, groupInstanceId: null }
    const synced = await ask.sync(at, self, assignments)
    if (!isFine(synced.errorCode)) return
    const partitions = JSON.parse(synced.assignment.toString() || '[]') as number[]
    events.synced(groupId, memberId, generationId, partitions)
    const positions = await fetchOffsets(at, partitions)
    if (positions === undefined) return
    owned = { generation: generationId, partitions }
    while (isOn && !isLeaving) {
      await client.sleep(heartbeatMs)
      if (!isFine(await ask.heartbeat(at, self))) return
      if (!(await commit(at, self, positions))) return
      await commitWrongly(at, self, positions)
    }
  }

  const assign = (members: string[]) =>
    [...members].sort().map((each, index, all) => ({
      memberId: each,
      assignment: Buffer.from(
        JSON.stringify(
          Array.from({ length: group.partitions }, (_, partition) => partition).filter(
            (partition) => partition % all.length === index,
          ),
        ),
      ),
    }))

  async function fetchOffsets(at: string, partitions: number[]) {
    const checks = partitions.map((partition) => events.fetching(groupId, partition))
    const { error, offsets } = await ask.offsets(at, groupId, name, partitions)
    if (!isFine(error) || offsets.size < partitions.length) return undefined
    for (const [index, partition] of partitions.entries()) checks[index]!(offsets.get(partition)!)
    return new Map(partitions.map((each) => [each, Math.max(0, offsets.get(each)!)]))
  }

  async function commit(at: string, self: Identity, positions: Map<number, number>) {
    for (const [partition, offset] of positions) {
      positions.set(partition, offset + 1)
      events.committing(groupId, partition, offset + 1)
    }
    const errors = await ask.commit(at, self, name, positions)
    let areFine = true
    for (const [index, [partition, offset]] of [...positions].entries()) {
      if (isFine(errors[index]!)) events.committed(groupId, partition, offset, at)
      else areFine = false
    }
    return areFine
  }

  /** As somebody who is no member, who was one, or who takes the place of a static one. */
  async function commitWrongly(at: string, self: Identity, positions: Map<number, number>) {
    const { generationId: generation, memberId: id } = self
    const kinds = [
      self,
      { ...self, generationId: generation - 1 },
      { ...self, memberId: `${id}-other` },
      { ...self, groupInstanceId: 'nobody' },
    ]
    const wrong = kinds[beats++ % kinds.length]!
    if (wrong === self || positions.size === 0) return
    const offsets = [...positions.keys()].map((each) => [each, events.wrongOffset()] as const)
    events.refused(wrong, await ask.commit(at, wrong, name, new Map(offsets)))
  }

  function isFine(errorCode: number): boolean {
    if (errorCode === errorCodes.NONE) return true
    if (errorCode === errorCodes.UNKNOWN_MEMBER_ID) memberId = ''
    if (errorCode === errorCodes.NOT_COORDINATOR) coordinator = undefined
    return false
  }

  async function run(): Promise<void> {
    while (isOn && !isLeaving) {
      owned = undefined
      try {
        coordinator ??= await ask.find(groupId)
        if (coordinator !== undefined) await live(coordinator)
      } catch (why) {
        if (!(why instanceof NoAnswerError)) throw why
        coordinator = undefined
      }
      owned = undefined
      await client.sleep(pauseMs)
    }
    if (!isOn || coordinator === undefined || memberId === '') return
    try {
      await ask.leave(coordinator, groupId, memberId)
    } catch (why) {
      if (!(why instanceof NoAnswerError)) throw why
    }
  }

  void run()

  return {
    leave() {
      isLeaving = true
    },
    die() {
      isOn = false
      owned = undefined
    },
    owns: () => owned,
  }
}
