/**
 * What nodes say to each other, held against what their disks hold: R2, R3, R13, R14, P11, P13. A grant is
 * looked at as it leaves, so what it rests on must be durable by then.
 */
import { MetadataFetch } from '../../actors/quorum/fetch-wire.ts'
import type { Partition } from '../../actors/replica/partition.ts'
import { QUORUM_STATE } from '../../runtime/storage/quorum-state.ts'
import type { Endpoint } from '../../transport/links/link.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { Vote } from '../../transport/schemas/52-vote.ts'
import { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import { answerOf, requestOf } from './decoded.ts'
import type { MetadataChecker } from './metadata-checker.ts'
import { METADATA } from './quorum-checker.ts'
import { must } from './violation.ts'

type Stored = { leaderEpoch: number; votedId: number; votedDirectoryId: string }

export type MessageChecker = {
  /** A request is about to be handled. */
  delivered(from: Endpoint, to: number, api: string): void
  /** An answer leaves. */
  answered(asked: Endpoint, asker: Endpoint, api: string, request: Buffer, answer: Buffer): void
  /** A quorum state became durable. */
  stored(node: SimNode, state: Stored): void
  step(nowMs: number): void
}

const quorumApis = new Set(['Vote', 'BeginQuorumEpoch', 'EndQuorumEpoch', MetadataFetch.name])
/**
 * A majority counts as one that has fetched since the last one had, so its first may have done so just
 * behind that: twice 1.5 fetch timeouts, and what a look every now and then may miss.
 */
const contactMsMax = 2 * 1.5 * 2_000 + 500
/** Leader epochs can differ only so shortly after a change. */
const unsettledMs = 5_000

export function checkMessages(
  cluster: SimCluster,
  metadata: () => MetadataChecker,
  /** The leader epoch that a replica had when the step began. */
  epochBefore: (node: SimNode, row: Partition) => number | undefined,
  guarded: (check: () => void) => void,
  nowMs: () => number,
): MessageChecker {
  /** Who granted a pre-vote: asker's directory and the epoch it was in → nodes. */
  const preVotes = new Map<string, Set<number>>()
  /** Leader → voter → when it last asked for more. */
  const fetches = new Map<string, Map<number, number>>()
  const leading = new Map<string, number>()
  /** Durable on its disk. */
  const storedEpochs = new Map<SimNode, number>()
  let before: string | undefined
  let leaderChanges = 0
  let changedAt = 0

  function durable({ disk, directory }: SimNode): Stored | undefined {
    const content = disk.file(`${directory}/${METADATA}/${QUORUM_STATE}`)?.durable
    if (content === undefined || content.length === 0) return undefined
    return JSON.parse(content.toString('utf8')) as Stored
  }

  const standOf = (node: SimNode): string => {
    const { epoch, voted } = node.parts!.quorum.role().context
    return `${epoch} ${voted?.id} ${voted?.directoryId}`
  }

  function checkVote(node: SimNode, request: Buffer, answer: Buffer): void {
    const asked = requestOf(Vote, request).topics[0]?.partitions[0]
    const told = answerOf(Vote, request, answer).topics[0]?.partitions[0]
    if (asked === undefined || told === undefined) return
    const { preVote, replicaEpoch, replicaId, replicaDirectoryId } = asked
    if (preVote) {
      must(before === standOf(node), 'R13', 'a pre-vote changes neither epoch nor vote', () => ({
        node: node.id,
        before,
        after: standOf(node),
      }))
    }
    if (!told.voteGranted) return
    const { state, context } = node.parts!.quorum.role()
    if (preVote) {
      must(
        state !== 'follower' || !context.fetched,
        'R13',
        'a replica in contact with its leader grants no pre-vote',
        () => ({ node: node.id, state, context }),
      )
      const key = `${replicaDirectoryId}@${replicaEpoch}`
      const granting = preVotes.get(key) ?? new Set()
      preVotes.set(key, granting.add(node.id))
      return
    }
    const stored = durable(node)
    const isDurable =
      stored?.leaderEpoch === replicaEpoch &&
      stored.votedId === replicaId &&
      stored.votedDirectoryId === replicaDirectoryId
    must(isDurable, 'R2', 'a vote is durable before it is given', () => ({
      node: node.id,
      asked,
      stored,
    }))
  }

  function checkAlterPartition(request: Buffer, answer: Buffer): void {
    const asked = new Map<string, number>()
    for (const { topicId, partitions } of requestOf(AlterPartition, request).topics) {
      for (const { partitionIndex, partitionEpoch } of partitions) {
        asked.set(`${topicId}/${partitionIndex}`, partitionEpoch)
      }
    }
    for (const { topicId, partitions } of answerOf(AlterPartition, request, answer).topics) {
      for (const { partitionIndex, partitionEpoch, errorCode } of partitions) {
        if (errorCode !== errorCodes.NONE) continue
        const from = asked.get(`${topicId}/${partitionIndex}`) ?? -1
        must(
          partitionEpoch === from || partitionEpoch === from + 1,
          'P11',
          'an ISR is changed by compare-and-set',
          () => ({ topicId, partitionIndex, from, partitionEpoch }),
        )
      }
    }
  }

  /**
   * Followers name what they ask for in full when a leader epoch is new to them. One step may raise the
   * epochs of several partitions, and the first of them already answers for all: the epoch that was in
   * force when the step began counts, too.
   */
  function checkFetch(node: SimNode, request: Buffer, answer: Buffer): void {
    const asked = new Map<string, number>()
    for (const { topicId, partitions } of requestOf(Fetch, request).topics) {
      for (const { partition, currentLeaderEpoch } of partitions) {
        asked.set(`${topicId}/${partition}`, currentLeaderEpoch)
      }
    }
    for (const { topicId, partitions } of answerOf(Fetch, request, answer).responses) {
      for (const { partitionIndex, errorCode } of partitions) {
        const epoch = asked.get(`${topicId}/${partitionIndex}`)
        const row = node.parts?.broker?.host.replicas.find({ topicId, partition: partitionIndex })
        if (errorCode !== errorCodes.NONE || epoch === undefined || row === undefined) continue
        const own = row.context.leaderEpoch
        const before = epochBefore(node, row)
        must(
          epoch === own || epoch === before,
          'P13',
          'a fetch of another leader epoch is refused',
          () => ({ node: node.id, topicId, partitionIndex, epoch, own, before }),
        )
      }
    }
  }

  function isUnsettled(): boolean {
    const changes = metadata().leaderChanges()
    if (changes !== leaderChanges) {
      leaderChanges = changes
      changedAt = nowMs()
    }
    return nowMs() - changedAt < unsettledMs
  }

  function noteContact(from: number, to: number): void {
    const led = cluster.node(to).parts?.quorum.rpc.leadership()
    if (led === undefined) return
    const key = `${to}@${led.epoch}`
    const of = fetches.get(key) ?? new Map<number, number>()
    fetches.set(key, of.set(from, nowMs()))
  }

  /** R14, by what arrived: cut off from a majority it must have resigned. */
  function checkContact(node: SimNode, now: number): void {
    const led = node.parts?.quorum.rpc.leadership()
    if (led === undefined) return
    const key = `${node.id}@${led.epoch}`
    // Its own time stood still while it was paused.
    const since = node.machine.isPaused() ? now : (leading.get(key) ?? now)
    leading.set(key, since)
    const voters = node.parts!.quorum.voters()
    const isSole = voters.length === 1
    const heard = voters
      .filter(({ id }) => id !== node.id)
      .map(({ id }) => Math.max(since, fetches.get(key)?.get(id) ?? since))
      .sort((a, b) => b - a)
    const others = voters.some(({ id }) => id === node.id) ? 1 : 0
    const needed = Math.floor(voters.length / 2) + 1 - others
    const oldest = heard[needed - 1] ?? now
    must(
      isSole || now - oldest <= contactMsMax,
      'R14',
      'a leader without fetches of a majority resigns',
      () => ({ node: node.id, epoch: led.epoch, sinceMs: now - oldest }),
    )
  }

  let nextLook = 0
  return {
    delivered(from, to, api) {
      const { running } = cluster.node(to)
      if (api === Vote.name) before = running && standOf(cluster.node(to))
      else if (api === MetadataFetch.name) noteContact(from.nodeId, to)
    },
    answered(asked, _, api, request, answer) {
      const node = cluster.node(asked.nodeId)
      const isIt = node.parts?.endpoint.incarnationId === asked.incarnationId
      if (!isIt || node.running === undefined) return
      guarded(() => {
        if (quorumApis.has(api)) {
          const { epoch } = node.parts!.quorum.role().context
          const stored = storedEpochs.get(node) ?? 0
          must(epoch === stored, 'R3', 'an epoch is durable before it is told', () => ({
            node: node.id,
            api,
            epoch,
            stored,
          }))
        }
        if (api === Vote.name) checkVote(node, request, answer)
        else if (api === AlterPartition.name) checkAlterPartition(request, answer)
        else if (api === Fetch.name && isUnsettled()) checkFetch(node, request, answer)
      })
    },
    stored(node, { leaderEpoch, votedId }) {
      const known = storedEpochs.get(node) ?? 0
      storedEpochs.set(node, leaderEpoch)
      if (leaderEpoch <= known || votedId !== node.id) return
      const voters = node.parts?.quorum.voters() ?? []
      const granted = preVotes.get(`${node.directoryId}@${leaderEpoch - 1}`)?.size ?? 0
      must(
        granted + 1 >= Math.floor(voters.length / 2) + 1,
        'R13',
        'an epoch rises only after a majority of pre-votes',
        () => ({ node: node.id, leaderEpoch, granted, voters: voters.map(({ id }) => id) }),
      )
    },
    step(now) {
      if (now < nextLook) return
      nextLook = now + 100
      for (const node of cluster.nodes) checkContact(node, now)
    },
  }
}
