/**
 * A member of a classic group, as a client's library has one: it joins, takes its part, says that it
 * lives, commits ever higher offsets, and joins again when it is told to. What it learns it tells.
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { OffsetCommit } from '../../transport/schemas/08-offset-commit.ts'
import { OffsetFetch } from '../../transport/schemas/09-offset-fetch.ts'
import { FindCoordinator } from '../../transport/schemas/10-find-coordinator.ts'
import { JoinGroup } from '../../transport/schemas/11-join-group.ts'
import { Heartbeat } from '../../transport/schemas/12-heartbeat.ts'
import { LeaveGroup } from '../../transport/schemas/13-leave-group.ts'
import { SyncGroup } from '../../transport/schemas/14-sync-group.ts'
import { type Client, NoAnswerError } from './client.ts'

export type MemberEvents = {
  synced(group: string, memberId: string, generation: number, partitions: number[]): void
  committing(group: string, partition: number, offset: number): void
  committed(group: string, partition: number, offset: number): void
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

const sessionTimeoutMs = 10_000
const rebalanceTimeoutMs = 15_000
const pauseMs = 200
const heartbeatMs = 1_000
const protocolType = 'consumer'
const protocolName = 'range'

export function createMember(client: Client, group: Group, events: MemberEvents): Member {
  const { id: groupId, topic: name } = group
  let isOn = true
  let isLeaving = false
  let memberId = ''
  let coordinator: string | undefined
  let owned: { generation: number; partitions: number[] } | undefined

  async function find(): Promise<string | undefined> {
    const { coordinators } = await client.request(client.anyAddress(), FindCoordinator, 4, {
      keyType: 0,
      coordinatorKeys: [groupId],
      key: '',
    })
    const { errorCode, nodeId } = coordinators[0]!
    return errorCode === errorCodes.NONE ? client.addressOf(nodeId) : undefined
  }

  /** One generation, from joining to whatever ends it. */
  async function live(at: string): Promise<void> {
    const joined = await client.request(
      at,
      JoinGroup,
      5,
      {
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId,
        groupInstanceId: null,
        protocolType,
        protocols: [{ name: protocolName, metadata: Buffer.from('x') }],
        reason: null,
      },
      rebalanceTimeoutMs + 10_000,
    )
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
    const synced = await client.request(
      at,
      SyncGroup,
      3,
      {
        ...self,
        protocolType,
        protocolName,
        assignments,
      },
      rebalanceTimeoutMs + 10_000,
    )
    if (!isFine(synced.errorCode)) return
    const partitions = JSON.parse(synced.assignment.toString() || '[]') as number[]
    events.synced(groupId, memberId, generationId, partitions)
    const positions = await fetchOffsets(at, partitions)
    if (positions === undefined) return
    owned = { generation: generationId, partitions }
    while (isOn && !isLeaving) {
      await client.sleep(heartbeatMs)
      const beaten = await client.request(at, Heartbeat, 3, self)
      if (!isFine(beaten.errorCode)) return
      if (!(await commit(at, generationId, positions))) return
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
    const { groups } = await client.request(at, OffsetFetch, 8, {
      groupId: '',
      topics: [],
      groups: [
        {
          groupId,
          memberId: null,
          memberEpoch: -1,
          topics: [{ name, topicId: '', partitionIndexes: partitions }],
        },
      ],
      requireStable: true,
    })
    if (!isFine(groups[0]!.errorCode)) return undefined
    const positions = new Map<number, number>()
    for (const [index, partition] of partitions.entries()) {
      const found = groups[0]!.topics[0]?.partitions.find(
        (each) => each.partitionIndex === partition,
      )
      if (found === undefined || found.errorCode !== errorCodes.NONE) return undefined
      checks[index]!(found.committedOffset)
      positions.set(partition, Math.max(0, found.committedOffset))
    }
    return positions
  }

  async function commit(at: string, generation: number, positions: Map<number, number>) {
    for (const [partition, offset] of positions) {
      positions.set(partition, offset + 1)
      events.committing(groupId, partition, offset + 1)
    }
    const { topics } = await client.request(at, OffsetCommit, 8, {
      groupId,
      generationIdOrMemberEpoch: generation,
      memberId,
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [
        {
          name,
          topicId: '',
          partitions: [...positions].map(([partitionIndex, committedOffset]) => ({
            partitionIndex,
            committedOffset,
            committedLeaderEpoch: -1,
            committedMetadata: null,
          })),
        },
      ],
    })
    let areFine = true
    for (const { partitionIndex, errorCode } of topics[0]?.partitions ?? []) {
      if (isFine(errorCode)) {
        events.committed(groupId, partitionIndex, positions.get(partitionIndex)!)
      } else areFine = false
    }
    return areFine
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
        coordinator ??= await find()
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
      const members = [{ memberId, groupInstanceId: null, reason: null }]
      await client.request(coordinator, LeaveGroup, 4, { groupId, memberId: '', members })
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
