/** Classic groups: joined, synced, left, shown and deleted; and the offsets that they commit. */
import type { Request } from '../../../transport/protocol/api.ts'
import { OffsetCommit } from '../../../transport/schemas/08-offset-commit.ts'
import { OffsetFetch } from '../../../transport/schemas/09-offset-fetch.ts'
import { FindCoordinator } from '../../../transport/schemas/10-find-coordinator.ts'
import { JoinGroup } from '../../../transport/schemas/11-join-group.ts'
import { Heartbeat } from '../../../transport/schemas/12-heartbeat.ts'
import { LeaveGroup } from '../../../transport/schemas/13-leave-group.ts'
import { SyncGroup } from '../../../transport/schemas/14-sync-group.ts'
import { DescribeGroups } from '../../../transport/schemas/15-describe-groups.ts'
import { ListGroups } from '../../../transport/schemas/16-list-groups.ts'
import { DeleteGroups } from '../../../transport/schemas/42-delete-groups.ts'
import { OffsetDelete } from '../../../transport/schemas/47-offset-delete.ts'
import type { Part, Peer } from './peer.ts'
import { makeTopic, type Scenario, scenario, untilDone } from './scenario.ts'

const unknownId = 'QUJDREVGR0hJSktMTU5PUA'
const subscription = (topic: string) => {
  const name = Buffer.from(topic)
  const head = Buffer.from([0, 0, 0, 0, 0, 1, 0, name.length])
  return Buffer.concat([head, name, Buffer.from([0xff, 0xff, 0xff, 0xff])])
}

/** Until a coordinator answers: the offsets topic is made by the first who asks. */
export const coordinated = (peer: Peer, group: string) =>
  untilDone(async () => {
    const { coordinators } = await peer.quietly(FindCoordinator, 4, { coordinatorKeys: [group] })
    if (coordinators[0]?.errorCode !== 0) throw new Error('no coordinator yet')
    const { groups } = await peer.quietly(DescribeGroups, 5, { groups: [group] })
    if (groups[0]?.errorCode !== 0) throw new Error(`still ${groups[0]?.errorCode}`)
  })

/** Until a group is described: Kafka tells what is committed, so a new one may lag behind its first join. */
const shown = (peer: Peer, group: string) =>
  untilDone(async () => {
    const { groups } = await peer.quietly(DescribeGroups, 6, { groups: [group] })
    if (groups[0]?.errorCode !== 0) throw new Error(`still ${groups[0]?.errorCode}`)
  })

type Joining = Part<Request<typeof JoinGroup>>

const joining = (groupId: string, more: Joining = {}): Joining => ({
  groupId,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 5_000,
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: subscription('t') }],
  ...more,
})

const join = (peer: Peer, v: number, groupId: string, more: Joining = {}) =>
  peer.ask(JoinGroup, v, joining(groupId, more))

/** Joins as clients do: with the id that the first answer gives. */
async function enter(peer: Peer, groupId: string, more: Joining = {}) {
  const first = await peer.quietly(JoinGroup, 9, joining(groupId, more))
  if (first.errorCode === 0) return first
  return peer.quietly(JoinGroup, 9, joining(groupId, { ...more, memberId: first.memberId }))
}

type Member = { memberId: string; generationId: number }

const sync = (
  peer: Peer,
  v: number,
  groupId: string,
  { memberId, generationId }: Member,
  more: Part<Request<typeof SyncGroup>> = {},
) =>
  peer.ask(SyncGroup, v, {
    groupId,
    generationId,
    memberId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId, assignment: Buffer.from('all') }],
    ...more,
  })

/** A stable group of one. */
async function settle(peer: Peer, groupId: string, more: Joining = {}): Promise<Member> {
  await coordinated(peer, groupId)
  const member = await enter(peer, groupId, more)
  await peer.quietly(SyncGroup, 5, {
    groupId,
    generationId: member.generationId,
    memberId: member.memberId,
    groupInstanceId: more.groupInstanceId ?? null,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId: member.memberId, assignment: Buffer.from('all') }],
  })
  return member
}

const stranger = 'nobody-00000000-0000-0000-0000-000000000000'

type Offset = { index?: number; offset?: number; metadata?: string | null; epoch?: number }

function commit(peer: Peer, v: number, groupId: string, more: Part<Request<typeof OffsetCommit>>) {
  return peer.ask(OffsetCommit, v, {
    groupId,
    generationIdOrMemberEpoch: -1,
    memberId: '',
    ...more,
  })
}

const offsets = (name: string, topicId: string, ...list: Offset[]) => ({
  name,
  topicId,
  partitions: list.map(({ index = 0, offset = 5, metadata = 'm', epoch = -1 }) => ({
    partitionIndex: index,
    committedOffset: offset,
    committedLeaderEpoch: epoch,
    committedMetadata: metadata,
  })),
})

export const groupScenarios: Scenario[] = [
  scenario('ListGroups', ListGroups, async (peer, v, own) => {
    const member = await settle(peer, own)
    await makeTopic(peer, own)
    await commit(peer, 8, `${own}-simple`, { topics: [offsets(own, '', {})] })
    await peer.ask(ListGroups, v, {})
    if (v >= 4) {
      for (const state of ['Stable', 'Empty', 'stable', 'nonsense', 'PreparingRebalance', 'Dead']) {
        await peer.ask(ListGroups, v, { statesFilter: [state] })
      }
      await peer.ask(ListGroups, v, { statesFilter: ['Stable', 'Empty'] })
    }
    if (v >= 5) {
      for (const type of ['classic', 'Classic', 'consumer', 'nonsense', 'share', 'streams']) {
        await peer.ask(ListGroups, v, { typesFilter: [type] })
      }
    }
    await peer.quietly(LeaveGroup, 2, { groupId: own, memberId: member.memberId })
    await peer.ask(DeleteGroups, 2, { groupsNames: [own, `${own}-simple`] })
  }),

  scenario('FindCoordinator', FindCoordinator, async (peer, v, own) => {
    await coordinated(peer, own)
    const find = (keyType: number, ...keys: string[]) =>
      peer.ask(FindCoordinator, v, { key: keys[0] ?? '', keyType, coordinatorKeys: keys })
    await find(0, own)
    await find(0, own, `${own}-2`, own)
    await find(0, '')
    await find(0)
    if (v >= 1) await find(3, own)
    if (v >= 1) await find(-1, own)
  }),

  scenario('JoinGroup', JoinGroup, async (peer, v, own) => {
    await coordinated(peer, own)
    const first = await join(peer, v, own)
    const member = v >= 4 ? await join(peer, v, own, { memberId: first.memberId }) : first
    await sync(peer, 3, own, member)
    await join(peer, v, own, { memberId: member.memberId })
    await join(peer, v, own, { memberId: stranger })
    await join(peer, v, own, { memberId: member.memberId, protocolType: 'connect' })
    await join(peer, v, own, { protocolType: 'connect' })
    await join(peer, v, own, { protocols: [{ name: 'other', metadata: Buffer.alloc(0) }] })
    await join(peer, v, '')
    await join(peer, v, `${own}-2`, { sessionTimeoutMs: 1 })
    await join(peer, v, `${own}-2`, { sessionTimeoutMs: 100_000_000 })
    await join(peer, v, `${own}-2`, { protocolType: '' })
    await join(peer, v, `${own}-2`, { protocols: [] })
    await join(peer, v, `${own}-2`, { memberId: stranger })
    await peer.ask(DescribeGroups, 6, { groups: [own, `${own}-2`] })
    if (v < 4) return
    const { memberId } = await join(peer, v, `${own}-3`, {
      protocols: [
        { name: 'range', metadata: Buffer.from('r') },
        { name: 'sticky', metadata: Buffer.from('s') },
      ],
    })
    await shown(peer, `${own}-3`)
    await peer.ask(DescribeGroups, 6, { groups: [`${own}-3`] })
    await peer.ask(LeaveGroup, 2, { groupId: `${own}-3`, memberId })
    await peer.ask(DescribeGroups, 6, { groups: [`${own}-3`] })
  }),

  scenario('JoinGroup of several', JoinGroup, async (peer, v, own) => {
    const first = await settle(peer, own)
    const second = peer.another('second')
    const reserved = v >= 4 ? await join(second, v, own) : undefined
    const entering = second.quietly(
      JoinGroup,
      v,
      joining(own, { memberId: reserved?.memberId ?? '' }),
    )
    await untilDone(async () => {
      const { errorCode } = await peer.quietly(Heartbeat, 4, { groupId: own, ...first })
      if (errorCode !== 27) throw new Error('not rebalancing')
    })
    await peer.ask(Heartbeat, 4, { groupId: own, ...first })
    await commit(peer, 9, own, {
      memberId: first.memberId,
      generationIdOrMemberEpoch: first.generationId,
      topics: [offsets('t', unknownId, {})],
    })
    const leader = await peer.quietly(JoinGroup, v, joining(own, { memberId: first.memberId }))
    const other = await entering
    const { memberId, generationId } = leader
    peer.note('generation', generationId)
    const assignments = [leader, other].map((member, index) => ({
      memberId: member.memberId,
      assignment: Buffer.from(['one', 'two'][index]!),
    }))
    const taken = { groupId: own, generationId, protocolType: 'consumer', protocolName: 'range' }
    const waiting = second.quietly(SyncGroup, 5, {
      ...taken,
      memberId: other.memberId,
      assignments,
    })
    const mine = await peer.quietly(SyncGroup, 5, { ...taken, memberId, assignments })
    peer.note(
      'assignments',
      [mine, await waiting].map((one) => one.assignment.toString()),
    )
    await peer.ask(DescribeGroups, 6, { groups: [own] })
  }),

  scenario(
    'JoinGroup of static members',
    JoinGroup,
    async (peer, v, own) => {
      await coordinated(peer, own)
      const still = { groupInstanceId: 'still' }
      const first = await join(peer, v, own, still)
      await sync(peer, 5, own, first, still)
      await peer.ask(Heartbeat, 4, { groupId: own, ...first, ...still })
      const again = await join(peer, v, own, still)
      await peer.ask(Heartbeat, 4, { groupId: own, ...first, ...still })
      await sync(peer, 5, own, first, still)
      await sync(peer, 5, own, again, still)
      await peer.ask(Heartbeat, 4, { groupId: own, ...again, ...still })
      await peer.ask(Heartbeat, 4, { groupId: own, ...again, groupInstanceId: 'other' })
      await peer.ask(Heartbeat, 4, { groupId: own, ...again })
      await join(peer, v, own, { ...still, memberId: stranger })
      await join(peer, v, own, { groupInstanceId: 'other', memberId: stranger })
      await join(peer, v, own, {
        ...still,
        memberId: again.memberId,
        protocols: [{ name: 'other', metadata: Buffer.from('o') }],
      })
      await peer.ask(DescribeGroups, 6, { groups: [own] })
      const leave = (...members: { memberId?: string; groupInstanceId: string | null }[]) =>
        peer.ask(LeaveGroup, 5, { groupId: own, members })
      await leave({ memberId: stranger, groupInstanceId: 'still' })
      await leave({ groupInstanceId: 'other' })
      await leave({ groupInstanceId: 'still' }, { groupInstanceId: 'still' })
      await peer.ask(DescribeGroups, 6, { groups: [own] })
      await join(peer, v, `${own}-a`, { groupInstanceId: '' })
      await join(peer, v, `${own}-b`, { groupInstanceId: 'not ok' })
      await join(peer, v, `${own}-c`, { groupInstanceId: 'x'.repeat(250) })
    },
    [5, 9],
  ),

  scenario('SyncGroup', SyncGroup, async (peer, v, own) => {
    await coordinated(peer, own)
    const member = await enter(peer, own)
    await sync(peer, v, own, member, { memberId: stranger })
    await sync(peer, v, own, member, { generationId: 9 })
    await sync(peer, v, own, member, { generationId: -1 })
    if (v >= 5) {
      await sync(peer, v, own, member, { protocolType: 'connect' })
      await sync(peer, v, own, member, { protocolName: 'sticky' })
      await sync(peer, v, own, member, { protocolType: null })
    }
    await sync(peer, v, own, member, {
      assignments: [{ memberId: stranger, assignment: Buffer.from('lost') }],
    })
    await sync(peer, v, own, member)
    await sync(peer, v, own, member)
    await sync(peer, v, '', member)
    await sync(peer, v, `${own}-none`, member)
    if (v >= 3) await sync(peer, v, own, member, { groupInstanceId: 'unknown' })
  }),

  scenario('Heartbeat', Heartbeat, async (peer, v, own) => {
    const member = await settle(peer, own)
    const beat = (more: Part<Request<typeof Heartbeat>> = {}) =>
      peer.ask(Heartbeat, v, { groupId: own, ...member, ...more })
    await beat()
    await beat({ memberId: stranger })
    await beat({ memberId: '' })
    await beat({ generationId: 9 })
    await beat({ generationId: -1 })
    await beat({ groupId: '' })
    await beat({ groupId: `${own}-none` })
    if (v >= 3) await beat({ groupInstanceId: 'unknown' })
    await peer.quietly(LeaveGroup, 2, { groupId: own, memberId: member.memberId })
    await beat()
  }),

  scenario('LeaveGroup', LeaveGroup, async (peer, v, own) => {
    const member = await settle(peer, own)
    const leave = (groupId: string, memberId: string) =>
      peer.ask(LeaveGroup, v, { groupId, memberId, members: [{ memberId, reason: 'done' }] })
    await leave(own, stranger)
    await leave('', member.memberId)
    await leave(`${own}-none`, member.memberId)
    await leave(own, '')
    await leave(own, member.memberId)
    await leave(own, member.memberId)
    if (v >= 3) await peer.ask(LeaveGroup, v, { groupId: own })
    await peer.ask(DescribeGroups, 6, { groups: [own] })
  }),

  scenario('DescribeGroups', DescribeGroups, async (peer, v, own) => {
    const member = await settle(peer, own)
    const show = (includeAuthorizedOperations: boolean, ...groups: string[]) =>
      peer.ask(DescribeGroups, v, { groups, includeAuthorizedOperations })
    await show(false, own)
    if (v >= 3) await show(true, own, `${own}-none`)
    await show(false, '', `${own}-none`)
    await show(false)
    await peer.quietly(LeaveGroup, 2, { groupId: own, memberId: member.memberId })
    await show(false, own)
    await commit(peer, 8, `${own}-simple`, { topics: [] })
    await show(false, `${own}-simple`)
    const joined = await enter(peer, own)
    await show(false, own)
    await peer.quietly(LeaveGroup, 2, { groupId: own, memberId: joined.memberId })
  }),

  scenario('DeleteGroups', DeleteGroups, async (peer, v, own) => {
    const member = await settle(peer, own)
    await makeTopic(peer, own)
    await commit(peer, 8, `${own}-simple`, { topics: [offsets(own, '', {})] })
    const remove = (...groupsNames: string[]) => peer.ask(DeleteGroups, v, { groupsNames })
    await remove(own)
    await remove(`${own}-none`)
    await remove('')
    await remove()
    await remove(own, `${own}-simple`, `${own}-simple`)
    await peer.quietly(LeaveGroup, 2, { groupId: own, memberId: member.memberId })
    await remove(own, `${own}-simple`)
    await peer.ask(DescribeGroups, 6, { groups: [own] })
  }),

  scenario('OffsetCommit', OffsetCommit, async (peer, v, own) => {
    const id = await makeTopic(peer, own, 2)
    const simple = `${own}-simple`
    const member = await settle(peer, own)
    const here = (...list: Offset[]) => [offsets(own, id, ...list)]
    const of = (more: Part<Member> = {}) => ({
      memberId: more.memberId ?? member.memberId,
      generationIdOrMemberEpoch: more.generationId ?? member.generationId,
    })
    await commit(peer, v, simple, { topics: here({}, { index: 1, offset: 9, metadata: null }) })
    await commit(peer, v, simple, { topics: here({ epoch: 3 }) })
    await commit(peer, v, simple, { topics: here({ offset: -1 }) })
    await commit(peer, v, simple, { topics: here({ offset: -5 }) })
    await commit(peer, v, simple, { topics: here({ index: 7 }, { index: 1 }) })
    await commit(peer, v, simple, { topics: here({ index: -1 }) })
    await commit(peer, v, simple, { topics: here({ metadata: 'x'.repeat(5_000) }, { index: 1 }) })
    await commit(peer, v, simple, { topics: here({ metadata: 'x'.repeat(4_096) }) })
    await commit(peer, v, simple, { topics: [offsets(`${own}-none`, unknownId, {})] })
    await commit(peer, v, simple, { topics: [offsets('bad/name', unknownId, {}), ...here({})] })
    await commit(peer, v, simple, { topics: here({}, {}) })
    await commit(peer, v, simple, { topics: here() })
    await commit(peer, v, simple, { topics: [] })
    await commit(peer, v, simple, { topics: here({}), ...of() })
    await commit(peer, v, `${own}-none`, { topics: here({}), ...of() })
    await commit(peer, v, `${own}-none`, { topics: here({}), generationIdOrMemberEpoch: 0 })
    await commit(peer, v, '', { topics: here({}) })
    await commit(peer, v, own, { topics: here({}), ...of() })
    await commit(peer, v, own, { topics: here({}) })
    await commit(peer, v, own, { topics: here({}), ...of({ memberId: stranger }) })
    await commit(peer, v, own, { topics: here({}), ...of({ generationId: 9 }) })
    await commit(peer, v, own, { topics: here({}), ...of({ memberId: '' }) })
    await commit(peer, v, own, { topics: here({}), ...of({ generationId: -1 }) })
    if (v >= 7) {
      await commit(peer, v, own, { topics: here({}), ...of(), groupInstanceId: 'unknown' })
    }
    if (v <= 4) await commit(peer, v, simple, { topics: here({}), retentionTimeMs: 1_000 })
    await peer.ask(OffsetFetch, 9, {
      groups: [
        { groupId: simple, topics: null },
        { groupId: own, topics: null },
      ],
    })
  }),

  scenario('OffsetFetch', OffsetFetch, async (peer, v, own) => {
    const id = await makeTopic(peer, own, 3)
    await coordinated(peer, own)
    await commit(peer, 8, own, {
      topics: [offsets(own, id, {}, { index: 1, offset: 7, metadata: null, epoch: 2 })],
    })
    type Wanted = { name: string; topicId: string; partitionIndexes: number[] }
    const fetch = (topics: Wanted[] | null, groupId = own) =>
      peer.ask(OffsetFetch, v, {
        groupId,
        topics,
        groups: [{ groupId, topics }],
      })
    const here = (...partitionIndexes: number[]): Wanted => ({
      name: own,
      topicId: id,
      partitionIndexes,
    })
    await fetch([here(0, 1, 2)])
    await fetch([here(7, -1)])
    await fetch([here()])
    await fetch([])
    if (v >= 2) await fetch(null)
    await fetch([{ ...here(0), name: `${own}-none`, topicId: unknownId }])
    await fetch([here(0), here(1)])
    await fetch([here(0)], `${own}-none`)
    if (v >= 2) await fetch(null, `${own}-none`)
    await fetch([here(0)], '')
    if (v >= 7)
      await peer.ask(OffsetFetch, v, {
        groupId: own,
        topics: [here(0)],
        groups: [{ groupId: own, topics: [here(0)] }],
        requireStable: true,
      })
    if (v < 8) return
    const groups = [own, `${own}-none`, own].map((groupId) => ({ groupId, topics: [here(0)] }))
    await peer.ask(OffsetFetch, v, { groups })
    await peer.ask(OffsetFetch, v, { groups: [] })
    if (v < 9) return
    await peer.ask(OffsetFetch, v, {
      groups: [{ groupId: own, memberId: stranger, memberEpoch: 3, topics: [here(0)] }],
    })
  }),

  scenario('OffsetDelete', OffsetDelete, async (peer, v, own) => {
    const id = await makeTopic(peer, own, 2)
    const simple = `${own}-simple`
    await settle(peer, own, { protocols: [{ name: 'range', metadata: subscription(own) }] })
    await commit(peer, 8, simple, { topics: [offsets(own, id, {}, { index: 1 })] })
    const remove = (groupId: string, name: string, ...partitions: number[]) =>
      peer.ask(OffsetDelete, v, {
        groupId,
        topics: [{ name, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }],
      })
    await remove(simple, own, 0)
    await remove(simple, own, 0)
    await remove(simple, own, 7)
    await remove(simple, own)
    await remove(simple, `${own}-none`, 0)
    await remove(`${own}-none`, own, 0)
    await remove('', own, 0)
    await remove(own, own, 0)
    await remove(own, `${own}-none`, 0)
    await peer.ask(OffsetDelete, v, { groupId: simple })
    await peer.ask(OffsetFetch, 8, { groups: [{ groupId: simple, topics: null }] })
    await peer.ask(OffsetDelete, v, {
      groupId: simple,
      topics: [{ name: own, partitions: [{ partitionIndex: 1 }] }],
    })
    await peer.ask(DescribeGroups, 6, { groups: [simple] })
  }),
]
