/** Records read, found and deleted. */
import type { Request } from '../../../transport/protocol/api.ts'
import { Fetch } from '../../../transport/schemas/01-fetch.ts'
import { ListOffsets } from '../../../transport/schemas/02-list-offsets.ts'
import { DeleteRecords } from '../../../transport/schemas/21-delete-records.ts'
import { OffsetForLeaderEpoch } from '../../../transport/schemas/23-offset-for-leader-epoch.ts'
import { DescribeLogDirs } from '../../../transport/schemas/35-describe-log-dirs.ts'
import { batchOf, spring } from './batches.ts'
import type { Part } from './peer.ts'
import { type FetchPart, place, readAll, unknownId, type Wanted, write } from './places.ts'
import { type Scenario, scenario } from './scenario.ts'

export const foundScenarios: Scenario[] = [
  scenario('ListOffsets', ListOffsets, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    await write(peer, to, batchOf({}, 3), batchOf({}, 2, spring + 100), batchOf({}, 2, spring + 50))
    const find = (timestamp: number, index = 0, currentLeaderEpoch = -1, name = own) =>
      peer.ask(ListOffsets, v, {
        replicaId: -1,
        topics: [{ name, partitions: [{ partitionIndex: index, currentLeaderEpoch, timestamp }] }],
        timeoutMs: 1_000,
      })
    for (const special of [-1, -2, -3, -4, -5, -6, -7, -100]) await find(special)
    for (const special of [-1, -2, -3]) await find(special, 1)
    for (const after of [-1, 0, 1, 2, 3, 50, 51, 100, 101, 102]) await find(spring + after)
    await find(0)
    await find(-1, 2)
    await find(-1, -1)
    await find(-1, 0, -1, `${own}-none`)
    await find(-1, 0, -1, 'bad/name')
    if (v >= 4) {
      await find(-1, 0, 0)
      await find(-1, 0, 5)
      await find(spring, 0, 5)
    }
    const partition = (partitionIndex: number) => ({ partitionIndex, timestamp: -1 })
    const ask = (more: Part<Request<typeof ListOffsets>>) =>
      peer.ask(ListOffsets, v, {
        replicaId: -1,
        topics: [{ name: own, partitions: [partition(0), partition(1)] }],
        timeoutMs: 1_000,
        ...more,
      })
    await ask({})
    await ask({ replicaId: -2 })
    await ask({ replicaId: 7 })
    await ask({ topics: [] })
    await ask({ topics: [{ name: own, partitions: [partition(0), partition(0)] }] })
    if (v >= 2) await ask({ isolationLevel: 1 })
    if (v >= 2) await ask({ isolationLevel: 2 })
  }),

  scenario('Fetch', Fetch, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    await write(peer, to, batchOf({}, 3), batchOf({}, 2), batchOf())
    const fetch = (fetchOffset: number, more: FetchPart = {}) =>
      readAll(peer, v, to, fetchOffset, more)
    for (const offset of [0, 1, 3, 5, 6]) await fetch(offset)
    for (const offset of [7, -1, -2, 1_000]) await fetch(offset)
    await fetch(6, { maxWaitMs: 20, minBytes: 1 })
    await fetch(0, { maxBytes: 10 })
    await fetch(0, { maxBytes: 0 })
    await fetch(0, { maxBytes: -1 })
    await fetch(0, { isolationLevel: 1 })
    await fetch(0, { isolationLevel: 2 })
    await fetch(0, { minBytes: -1 })
    const only = (partition: Part<Wanted>['partitions'], from = to) =>
      fetch(0, { topics: [{ ...from, topic: from.name, partitions: partition ?? [] }] })
    const bytes = { partitionMaxBytes: 1_000_000 }
    await only([{ partition: 0, partitionMaxBytes: 120 }])
    await only([{ partition: 0, partitionMaxBytes: 0 }])
    await only([{ partition: 0, partitionMaxBytes: -1 }])
    await only([{ partition: 1, ...bytes }])
    await only([{ partition: 2, ...bytes }])
    await only([{ partition: -1, ...bytes }])
    await only([{ partition: 0, ...bytes }], { name: `${own}-none`, topicId: unknownId })
    await only([{ partition: 0, ...bytes }], { name: '', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' })
    await only([
      { partition: 0, fetchOffset: 0, partitionMaxBytes: 50 },
      { partition: 1, ...bytes },
    ])
    await only([
      { partition: 0, fetchOffset: 0, partitionMaxBytes: 50 },
      { partition: 0, fetchOffset: 3, ...bytes },
    ])
    await only([])
    await fetch(0, { topics: [] })
    if (v >= 9) {
      await only([{ currentLeaderEpoch: 0, ...bytes }])
      await only([{ currentLeaderEpoch: 1, ...bytes }])
    }
    if (v >= 12) {
      await only([{ lastFetchedEpoch: 0, fetchOffset: 3, ...bytes }])
      await only([{ lastFetchedEpoch: 0, fetchOffset: 7, ...bytes }])
      await only([{ lastFetchedEpoch: 3, fetchOffset: 3, ...bytes }])
      await only([{ currentLeaderEpoch: 0, lastFetchedEpoch: 0, fetchOffset: 6, ...bytes }])
    }
    if (v >= 11) await fetch(0, { rackId: 'some' })
    await fetch(0, v < 15 ? { replicaId: 7 } : { replicaState: { replicaId: 7, replicaEpoch: 1 } })
    await fetch(0, v < 15 ? { replicaId: -2 } : { replicaState: { replicaId: -2 } })
  }),

  scenario(
    'Fetch in sessions',
    Fetch,
    async (peer, v, own) => {
      const to = await place(peer, own, 2)
      await write(peer, to, batchOf({}, 2))
      const ask = (
        sessionId: number,
        sessionEpoch: number,
        partitions: number[],
        more: FetchPart = {},
      ) =>
        readAll(peer, v, to, 0, {
          sessionId,
          sessionEpoch,
          topics:
            partitions.length === 0
              ? []
              : [
                  {
                    ...to,
                    topic: own,
                    partitions: partitions.map((partition) => ({
                      partition,
                      partitionMaxBytes: 1_000_000,
                    })),
                  },
                ],
          ...more,
        })
      const { sessionId } = await ask(0, 0, [0, 1])
      const at = (fetchOffset: number, partition = 0): FetchPart => ({
        topics: [
          { ...to, topic: own, partitions: [{ partition, fetchOffset, partitionMaxBytes: 9_999 }] },
        ],
      })
      await ask(sessionId, 1, [])
      await ask(sessionId, 2, [], at(2))
      await ask(sessionId, 3, [])
      await write(peer, to, batchOf())
      await ask(sessionId, 4, [])
      await ask(sessionId, 5, [])
      await ask(sessionId, 5, [])
      await ask(sessionId, 9, [])
      await ask(sessionId, 6, [], {
        forgottenTopicsData: [{ ...to, topic: own, partitions: [0] }],
      })
      await ask(sessionId, 7, [])
      await ask(sessionId, 8, [], at(0, 7))
      await ask(sessionId, 9, [])
      await ask(sessionId, 10, [0])
      await ask(sessionId, 11, [], {
        forgottenTopicsData: [{ topic: `${own}-none`, topicId: unknownId, partitions: [0] }],
      })
      await ask(sessionId + 77, 1, [])
      await ask(sessionId + 77, 0, [0])
      await ask(0, 1, [0])
      await ask(0, -1, [0])
      await ask(sessionId, -1, [])
      await ask(sessionId, 12, [])
      const other = await ask(0, 0, [0, 1])
      const again = await ask(other.sessionId, 0, [1])
      await ask(again.sessionId, 1, [])
      await ask(0, 0, [9])
      const empty = await ask(0, 0, [])
      await ask(empty.sessionId, 1, [])
      await ask(empty.sessionId, 2, [])
      await ask(0, 0, [0], {
        topics: [{ topic: `${own}-none`, topicId: unknownId, partitions: [{}] }],
      })
    },
    [7, 18],
  ),

  scenario('OffsetForLeaderEpoch', OffsetForLeaderEpoch, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    await write(peer, to, batchOf({}, 3))
    const ask = (
      topic: string,
      partition: number,
      currentLeaderEpoch: number,
      leaderEpoch: number,
    ) =>
      peer.ask(OffsetForLeaderEpoch, v, {
        replicaId: -1,
        topics: [{ topic, partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }],
      })
    for (const current of [-1, 0, 1, -2]) {
      for (const epoch of [-1, 0, 1, -2]) await ask(own, 0, current, epoch)
    }
    await ask(own, 1, -1, 0)
    await ask(own, 2, -1, 0)
    await ask(`${own}-none`, 0, -1, 0)
    await ask('bad/name', 0, -1, 0)
    await peer.ask(OffsetForLeaderEpoch, v, { replicaId: -1 })
    await peer.ask(OffsetForLeaderEpoch, v, {
      replicaId: 7,
      topics: [{ topic: own, partitions: [{ leaderEpoch: 0, currentLeaderEpoch: -1 }] }],
    })
  }),

  scenario('DeleteRecords', DeleteRecords, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    await write(peer, to, batchOf({}, 3), batchOf({}, 2))
    const cut = (offset: number, partitionIndex = 0, name = own) =>
      peer.ask(DeleteRecords, v, {
        topics: [{ name, partitions: [{ partitionIndex, offset }] }],
        timeoutMs: 5_000,
      })
    await cut(2)
    await cut(1)
    await cut(2)
    await cut(6)
    await cut(-2)
    await readAll(peer, 13, to, 1)
    await readAll(peer, 13, to, 2)
    await peer.ask(ListOffsets, 9, {
      replicaId: -1,
      topics: [{ name: own, partitions: [{ timestamp: -2 }] }],
    })
    await cut(-1)
    await cut(0, 1)
    await cut(0, 2)
    await cut(0, 0, `${own}-none`)
    await cut(0, 0, 'bad/name')
    await peer.ask(DeleteRecords, v, { timeoutMs: 1_000 })
    const compacted = await place(peer, `${own}-c`, 1, { 'cleanup.policy': 'compact' })
    await write(peer, compacted, batchOf())
    await cut(1, 0, compacted.name)
  }),

  scenario('DescribeLogDirs', DescribeLogDirs, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    await write(peer, to, batchOf({}, 3))
    const ask = (topics: { topic: string; partitions: number[] }[] | null) =>
      peer.ask(DescribeLogDirs, v, { topics })
    await ask([{ topic: own, partitions: [0, 1] }])
    await ask([{ topic: own, partitions: [7] }])
    await ask([{ topic: own, partitions: [] }])
    await ask([{ topic: `${own}-none`, partitions: [0] }])
    await ask([])
  }),
]
