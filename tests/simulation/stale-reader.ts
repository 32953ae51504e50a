/**
 * A reader whose belief is wrong: leader epochs that are over or never were (P13), offsets that nobody
 * wrote, a partition, a topic id and a session that are not there.
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { ListOffsets } from '../../transport/schemas/02-list-offsets.ts'
import { OffsetForLeaderEpoch } from '../../transport/schemas/23-offset-for-leader-epoch.ts'
import type { SimCluster } from './cluster.ts'
import { fetchRequest } from './consumer.ts'
import type { Ask, Foe } from './foe.ts'

/** More than there will be. */
const beyond = 1e12
const epochsAhead = 1_000
const noTopicId = 'nobodyHasThisTopicId0A'

export async function readAstray(
  foe: Foe,
  cluster: SimCluster,
  rest: () => Promise<void>,
): Promise<void> {
  const { client, topic, partition, refused } = foe

  /** Who leads, and the epoch that this process knows by now: it only rises. */
  function leader() {
    const state = cluster.newestImage()?.topicByName(topic)?.partition(partition)
    if (state === undefined || state.leader < 0) return undefined
    const node = cluster.node(state.leader)
    if (node.parts?.broker?.state() !== 'running') return undefined
    for (const row of node.parts.broker.host.replicas.rows()) {
      const { leaderEpoch } = row.context
      if (row.topic === topic && row.partition === partition) return { node, leaderEpoch }
    }
    return undefined
  }

  /** To the leader, with this belief of its epoch; its answer counts in the life in which it was asked. */
  const asked =
    (of: Pick<Belief, 'epoch'>, request: (at: string, epoch: number) => Promise<number>): Ask =>
    async () => {
      const found = leader()
      if (found === undefined) return errorCodes.NOT_LEADER_OR_FOLLOWER
      const { lives } = found.node
      const error = await request(found.node.address, of.epoch(found.leaderEpoch))
      return found.node.lives === lives ? error : errorCodes.NOT_LEADER_OR_FOLLOWER
    }

  const fetch =
    (offset: number, of = { topic, partition }) =>
    async (at: string, epoch: number): Promise<number> => {
      const request = { ...fetchRequest({ ...of, offset }, epoch), maxWaitMs: 0 }
      const { responses } = await client.request(at, Fetch, 12, request)
      return responses[0]!.partitions[0]!.errorCode
    }

  async function list(at: string, currentLeaderEpoch: number): Promise<number> {
    const partitions = [{ partitionIndex: partition, currentLeaderEpoch, timestamp: -1 }]
    const topics = [{ name: topic, partitions }]
    const of = { replicaId: -1, isolationLevel: 0, topics, timeoutMs: 0 }
    const answer = await client.request(at, ListOffsets, 7, of)
    return answer.topics[0]!.partitions[0]!.errorCode
  }

  async function endOf(at: string, currentLeaderEpoch: number): Promise<number> {
    const partitions = [{ partition, currentLeaderEpoch, leaderEpoch: 0 }]
    const of = { replicaId: -1, topics: [{ topic, partitions }] }
    const answer = await client.request(at, OffsetForLeaderEpoch, 4, of)
    return answer.topics[0]!.partitions[0]!.errorCode
  }

  async function fetchById(at: string, epoch: number): Promise<number> {
    const request = fetchRequest({ topic, topicId: noTopicId, partition, offset: 0 }, epoch)
    const answer = await client.request(at, Fetch, 13, { ...request, maxWaitMs: 0 })
    return answer.responses[0]!.partitions[0]!.errorCode
  }

  async function fetchInSession(at: string, epoch: number): Promise<number> {
    const request = fetchRequest({ topic, partition, offset: 0 }, epoch)
    const session = { sessionId: 2 ** 31 - 2, sessionEpoch: 5, maxWaitMs: 0 }
    return (await client.request(at, Fetch, 12, { ...request, ...session })).errorCode
  }

  for (;;) {
    for (const [what, request] of Object.entries({ fetch: fetch(0), list, endOf })) {
      const isFirst = (leader()?.leaderEpoch ?? 0) === 0
      for (const belief of isFirst ? [newer] : [older, newer]) {
        const { words, code } = belief
        await refused('P13', `${what} in ${words} leader epoch`, [code], asked(belief, request))
      }
    }
    for (const offset of [beyond, -5]) {
      const isOut = ['OFFSET_OUT_OF_RANGE'] as const
      await refused('P7', `fetch at ${offset}`, isOut, asked(none, fetch(offset)))
    }
    const elsewhere = asked(none, fetch(0, { topic, partition: 999 }))
    await refused('P17', 'fetch of no partition', ['UNKNOWN_TOPIC_OR_PARTITION'], elsewhere)
    await refused('P17', 'fetch of no topic id', ['UNKNOWN_TOPIC_ID'], asked(none, fetchById))
    const noSession = ['FETCH_SESSION_ID_NOT_FOUND'] as const
    await refused('N1', 'fetch in no session', noSession, asked(none, fetchInSession))
    await rest()
  }
}

type Belief = {
  words: string
  code: 'FENCED_LEADER_EPOCH' | 'UNKNOWN_LEADER_EPOCH'
  epoch(known: number): number
}

const older: Belief = {
  words: 'an older',
  code: 'FENCED_LEADER_EPOCH',
  epoch: (known) => known - 1,
}
const newer: Belief = {
  words: 'a later',
  code: 'UNKNOWN_LEADER_EPOCH',
  epoch: (known) => known + epochsAhead,
}
const none = { epoch: () => -1 }
