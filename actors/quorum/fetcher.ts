/**
 * Pulls the log from the leader, or asks around who leads. One request is in flight; the next one
 * leaves once what it acknowledges is durable (S4).
 *
 * Source: KIP-595, 630. Whatever comes back after the chart has left the state that asked is
 * dropped (X2).
 */
import { isSame } from '../../machines/quorum/votes.ts'
import type { Endpoint } from '../../transport/links/link.ts'
import { errorName, KafkaError } from '../../transport/protocol/errors.ts'
import { UpdateRaftVoter } from '../../transport/schemas/82-update-raft-voter.ts'
import { downloadSnapshot } from './download.ts'
import { ask } from './elections.ts'
import {
  type FetchedPartition,
  fetchMaxWaitMs,
  fetchRequest,
  fetchVersion,
  MetadataFetch,
} from './fetch-wire.ts'
import { type Replica, voters } from './replica.ts'

export type Fetcher = {
  follow(leaderId: number, epoch: number): void
  /** Asks one node after the other, until the chart hears of a leader. */
  find(): void
  stop(): void
}

/** What a fetch has shown: there may be more at once, or it was of no use. */
type Outcome = 'again' | 'failed'

const askAroundMs = 50
const askAroundMaxMs = 500

export function createFetcher(
  replica: Replica,
  /** Which incarnation of the leader answered a fetch in its epoch. */
  leaderSeen: (leader: Endpoint, epoch: number) => void,
): Fetcher {
  const { log, config, logger, self, voterSets } = replica
  /** Each start and stop makes what came before it stale. */
  let generation = 0
  let asked = 0
  let updatedEpoch = -1

  const start = (loop: (isCurrent: () => boolean) => Promise<void>): void => {
    const mine = ++generation
    const isCurrent = () => mine === generation && replica.running()
    // Begins in a later turn: a chart that starts passes through states it does not stay in.
    replica.spawn(async () => {
      await replica.sleep(0)
      if (isCurrent()) await loop(isCurrent)
    })
  }

  /** Tells the chart what the answer says of epoch and leader. */
  function learn(fromId: number, { currentLeader }: FetchedPartition): void {
    const { leaderId, leaderEpoch: epoch } = currentLeader
    const { state, context } = replica.role()
    const isKnown = state === 'follower' && epoch === context.epoch && leaderId === context.leaderId
    // Each answer names the leader again: a follower has nothing to learn from that.
    if (epoch >= 0 && !isKnown) replica.send({ type: 'learned', leaderId, epoch, fromId })
  }

  async function fetchOnce(
    leaderId: number,
    epoch: number,
    isCurrent: () => boolean,
  ): Promise<Outcome> {
    while (log.durableEndOffset() < log.endOffset()) {
      await log.flush()
      if (!isCurrent()) return 'failed'
    }
    if (replica.role().context.isSuspect && !log.isSuspect()) replica.send({ type: 'refetched' })
    const request = fetchRequest(replica, { epoch, maxWaitMs: fetchMaxWaitMs })
    // A lost answer costs less than the patience that a leader is given.
    const patienceMs = Math.min(config.requestTimeoutMs, Math.ceil(config.fetchTimeoutMs / 4))
    const timeoutMs = fetchMaxWaitMs + patienceMs
    let leader: Endpoint | undefined
    const answer = await ask(replica, MetadataFetch, fetchVersion, leaderId, request, timeoutMs, {
      answeredBy: (from) => {
        leader = from
      },
    })
    if (!isCurrent() || answer === undefined) return 'failed'
    if (answer.errorCode !== 0) {
      logger.warn({ leaderId, error: errorName(answer.errorCode) }, 'the leader refused a fetch')
      return 'failed'
    }
    const partition = answer.responses[0]?.partitions[0]
    if (partition === undefined) return 'failed'
    learn(leaderId, partition)
    if (!isCurrent() || partition.errorCode !== 0) return 'failed'
    if (leader !== undefined) leaderSeen(leader, epoch)
    return take(partition, leaderId, epoch, isCurrent)
  }

  async function take(
    partition: FetchedPartition,
    leaderId: number,
    epoch: number,
    isCurrent: () => boolean,
  ): Promise<Outcome> {
    const { divergingEpoch, snapshotId, records, highWatermark } = partition
    if (divergingEpoch.epoch >= 0) {
      const before = log.endOffset()
      log.truncateToDivergence(divergingEpoch, replica.highWatermark())
      const after = log.endOffset()
      logger.info({ epoch, before, after, divergingEpoch }, 'metadata log truncated')
      replica.send({ type: 'fetched', epoch })
      return after < before ? 'again' : 'failed'
    }
    if (snapshotId.endOffset >= 0) {
      replica.send({ type: 'fetched', epoch })
      const id = { offset: snapshotId.endOffset, epoch: snapshotId.epoch }
      return (await downloadSnapshot(replica, { leaderId, epoch, id }, isCurrent))
        ? 'again'
        : 'failed'
    }
    if (records !== null && records.length > 0) {
      try {
        log.appendAsFollower(records, epoch)
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        logger.warn({ leaderId, epoch, why: error.message }, 'fetched records were refused')
        return 'failed'
      }
    }
    replica.send({ type: 'fetched', epoch })
    replica.raiseHighWatermark(Math.min(highWatermark, log.endOffset()))
    updateVoter(leaderId, epoch)
    return 'again'
  }

  /** A voter whose endpoints are not those of the voter set says so, once an epoch (KIP-853). */
  function updateVoter(leaderId: number, epoch: number): void {
    if (updatedEpoch === epoch || voterSets.kraftVersion() < 1) return
    const known = voters(replica).find((voter) => isSame(voter, self))
    if (known === undefined || replica.endpoints.length === 0) return
    if (JSON.stringify(known.endpoints) === JSON.stringify(replica.endpoints)) return
    updatedEpoch = epoch
    replica.spawn(async () => {
      const request = {
        clusterId: replica.clusterId,
        currentLeaderEpoch: epoch,
        voterId: self.id,
        voterDirectoryId: self.directoryId,
        listeners: replica.endpoints,
        kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
      }
      const { requestTimeoutMs } = config
      const answer = await ask(replica, UpdateRaftVoter, 0, leaderId, request, requestTimeoutMs)
      if (answer?.errorCode !== 0) updatedEpoch = -1
    })
  }

  async function followLoop(
    leaderId: number,
    epoch: number,
    isCurrent: () => boolean,
  ): Promise<void> {
    while (isCurrent()) {
      const outcome = await fetchOnce(leaderId, epoch, isCurrent)
      if (outcome === 'failed' && isCurrent()) await replica.sleep(config.retryBackoffMs)
    }
  }

  async function askNext(): Promise<void> {
    const ids = [...new Set([...voters(replica).map(({ id }) => id), ...replica.bootstrapIds()])]
    const others = ids.filter((id) => id !== self.id)
    const to = others[asked++ % Math.max(1, others.length)]
    if (to === undefined) return
    const { epoch } = replica.role().context
    const request = fetchRequest(replica, { epoch, maxWaitMs: 0 })
    const timeoutMs = Math.min(config.requestTimeoutMs, config.electionTimeoutMs)
    const answer = await ask(replica, MetadataFetch, fetchVersion, to, request, timeoutMs)
    const partition = answer?.responses[0]?.partitions[0]
    if (partition === undefined || !replica.running()) return
    learn(to, partition)
    const { state, context } = replica.role()
    const isLeader = partition.currentLeader.leaderId === to && partition.errorCode === 0
    // Found again by an observer whose leader had fallen silent.
    if (isLeader && state === 'follower' && context.leaderId === to) {
      replica.send({ type: 'fetched', epoch: context.epoch })
    }
  }

  async function findLoop(isCurrent: () => boolean): Promise<void> {
    let waitMs = askAroundMs
    while (isCurrent()) {
      await askNext()
      if (!isCurrent()) return
      await replica.sleep(waitMs)
      waitMs = Math.min(Math.round(waitMs * 1.5), askAroundMaxMs)
    }
  }

  return {
    follow: (leaderId, epoch) => start((isCurrent) => followLoop(leaderId, epoch, isCurrent)),
    find: () => start(findLoop),
    stop() {
      generation++
    },
  }
}
