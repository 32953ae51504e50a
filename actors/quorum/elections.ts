/**
 * What a replica says around elections: pre-votes, votes, the beginning and the end of its epoch.
 * Answers go to the chart, which knows which of them still count.
 *
 * Source: KIP-595, 853, 996. Asking again for the same vote is safe: whoever gave it gives it again.
 */
import type { QuorumContext } from '../../machines/quorum/types.ts'
import { isSame, keyOf } from '../../machines/quorum/votes.ts'
import { type Endpoint, LinkError } from '../../transport/links/link.ts'
import { call } from '../../transport/links/rpc.ts'
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorName, KafkaError } from '../../transport/protocol/errors.ts'
import { Vote } from '../../transport/schemas/52-vote.ts'
import { BeginQuorumEpoch } from '../../transport/schemas/53-begin-quorum-epoch.ts'
import { EndQuorumEpoch } from '../../transport/schemas/54-end-quorum-epoch.ts'
import { type Replica, topicName, voters } from './replica.ts'
import type { ReplicaKey } from './types.ts'

export type Elections = {
  sendPreVotes(context: QuorumContext): void
  sendVoteRequests(context: QuorumContext): void
  /** To voters that have neither confirmed this epoch nor fetched in it of late. */
  beginEpoch(context: QuorumContext, lastFetchMs: (of: ReplicaKey) => number | undefined): void
  endEpoch(context: QuorumContext, successors: ReplicaKey[]): void
  /** Resolves when all reachable voters know that the epoch has ended. */
  epochEnded(): Promise<void>
}

const voteVersion = 2
const beginVersion = 1
const endVersion = 1

/**
 * One request of the quorum. A lost answer is no event: who needs it asks again.
 * @param told `nobodyThere`: nobody listens, no answer will come
 * @returns undefined when there is none, or one that cannot be read
 */
export async function ask<A extends Api>(
  { link, logger }: Replica,
  api: A,
  version: number,
  to: number,
  request: Request<A>,
  timeoutMs: number,
  told: { nobodyThere?: () => void; answeredBy?: (from: Endpoint) => void } = {},
): Promise<Response<A> | undefined> {
  try {
    const { answeredBy } = told
    const options = { timeoutMs, lane: 'control' as const, ...(answeredBy && { answeredBy }) }
    return await call(link, api, version, to, request, options)
  } catch (error) {
    if (!(error instanceof LinkError || error instanceof KafkaError)) throw error
    logger.debug({ api: api.name, to, why: error.message }, 'no answer in the quorum')
    if (error instanceof LinkError && error.failure === 'noResponders') told.nobodyThere?.()
    return undefined
  }
}

type AnyAnswer = {
  errorCode: number
  topics: { partitions: { errorCode: number; leaderId: number; leaderEpoch: number }[] }[]
}

/** The error in an answer, and the partition's part of it; `learned` is told along the way. */
export function learn<P extends AnyAnswer>(
  replica: Replica,
  fromId: number,
  answer: P,
): { error: ErrorName; partition: P['topics'][number]['partitions'][number] | undefined } {
  const partition = answer.topics[0]?.partitions[0]
  const error = errorName(answer.errorCode !== 0 ? answer.errorCode : (partition?.errorCode ?? 0))
  if (partition !== undefined && partition.leaderEpoch >= 0) {
    const { leaderId, leaderEpoch: epoch } = partition
    replica.send({ type: 'learned', leaderId, epoch, fromId })
  }
  return { error, partition }
}

export function createElections(replica: Replica): Elections {
  const { clusterId, self, config, log, logger } = replica
  /** Votes that are being asked for: voter, epoch and kind. */
  const asking = new Set<string>()
  const begun = new Set<string>()
  let ending: Promise<void> = Promise.resolve()

  // An answer that is lost must not cost the whole election.
  const voteTimeoutMs = Math.min(config.requestTimeoutMs, Math.ceil(config.electionTimeoutMs / 2))
  const others = () => voters(replica).filter((voter) => !isSame(voter, self))
  const inEpoch = (epoch: number, ...states: string[]) => {
    const { state, context } = replica.role()
    return replica.running() && context.epoch === epoch && states.includes(state)
  }

  function refused(api: string, to: number, error: ErrorName): void {
    if (error !== 'NONE' && error !== 'FENCED_LEADER_EPOCH') {
      logger.warn({ api, to, error }, 'the quorum refused a request')
    }
  }

  async function askVote(voter: ReplicaKey, epoch: number, preVote: boolean): Promise<boolean> {
    const request = {
      clusterId,
      voterId: voter.id,
      topics: [
        {
          topicName,
          partitions: [
            {
              partitionIndex: 0,
              replicaEpoch: epoch,
              replicaId: self.id,
              replicaDirectoryId: self.directoryId,
              voterDirectoryId: voter.directoryId,
              lastOffsetEpoch: log.lastEpoch(),
              lastOffset: log.endOffset(),
              preVote,
            },
          ],
        },
      ],
    }
    // Who is not there elects nobody: the living need not wait for the dead when they have split
    // the vote. Asked again it may still grant it. A pre-vote is only asked for anew.
    const nobodyThere = () => {
      if (!preVote && replica.running())
        replica.send({ type: 'VoteResponse', from: voter, epoch, preVote, granted: false })
    }
    const answer = await ask(replica, Vote, voteVersion, voter.id, request, voteTimeoutMs, {
      nobodyThere,
    })
    if (answer === undefined || !replica.running()) return false
    const { error, partition } = learn(replica, voter.id, answer)
    refused('Vote', voter.id, error)
    if (partition === undefined || error !== 'NONE') return error === 'FENCED_LEADER_EPOCH'
    const granted = partition.voteGranted
    replica.send({ type: 'VoteResponse', from: voter, epoch, preVote, granted })
    return true
  }

  async function canvass(voter: ReplicaKey, epoch: number): Promise<void> {
    let waitMs = config.retryBackoffMs
    do {
      if (await askVote(voter, epoch, false)) return
      await replica.sleep(waitMs)
      waitMs = Math.min(waitMs * 2, 10 * config.retryBackoffMs)
    } while (inEpoch(epoch, 'candidate'))
  }

  async function announce(voter: ReplicaKey, epoch: number): Promise<void> {
    const request = {
      clusterId,
      voterId: voter.id,
      topics: [
        {
          topicName,
          partitions: [
            {
              partitionIndex: 0,
              voterDirectoryId: voter.directoryId,
              leaderId: self.id,
              leaderEpoch: epoch,
            },
          ],
        },
      ],
      leaderEndpoints: replica.endpoints,
    }
    const timeoutMs = Math.min(config.requestTimeoutMs, config.fetchTimeoutMs / 2)
    const answer = await ask(replica, BeginQuorumEpoch, beginVersion, voter.id, request, timeoutMs)
    if (answer === undefined || !replica.running()) return
    const { error } = learn(replica, voter.id, answer)
    refused('BeginQuorumEpoch', voter.id, error)
    if (error === 'NONE') begun.add(`${keyOf(voter)}@${epoch}`)
  }

  async function takeLeave(voter: ReplicaKey, epoch: number, successors: ReplicaKey[]) {
    const request = {
      clusterId,
      topics: [
        {
          topicName,
          partitions: [
            {
              partitionIndex: 0,
              leaderId: self.id,
              leaderEpoch: epoch,
              preferredSuccessors: [],
              preferredCandidates: successors.map(({ id, directoryId }) => ({
                candidateId: id,
                candidateDirectoryId: directoryId,
              })),
            },
          ],
        },
      ],
      leaderEndpoints: replica.endpoints,
    }
    do {
      const answer = await ask(
        replica,
        EndQuorumEpoch,
        endVersion,
        voter.id,
        request,
        voteTimeoutMs,
      )
      if (answer !== undefined) {
        refused('EndQuorumEpoch', voter.id, learn(replica, voter.id, answer).error)
        return
      }
      await replica.sleep(5 * config.retryBackoffMs)
    } while (inEpoch(epoch, 'resigned'))
  }

  /** One request of a kind at a time to each. */
  function once(what: string, work: () => Promise<unknown>): void {
    if (asking.has(what)) return
    asking.add(what)
    replica.spawn(async () => {
      try {
        await work()
      } finally {
        asking.delete(what)
      }
    })
  }

  return {
    sendPreVotes({ epoch, answers }) {
      for (const voter of others()) {
        if (answers[keyOf(voter)] === true) continue
        once(`pre ${keyOf(voter)}@${epoch}`, () => askVote(voter, epoch, true))
      }
    },
    sendVoteRequests({ epoch }) {
      for (const voter of others()) {
        once(`vote ${keyOf(voter)}@${epoch}`, () => canvass(voter, epoch))
      }
    },
    beginEpoch({ epoch }, lastFetchMs) {
      const since = replica.clock.monotonic() - config.fetchTimeoutMs / 2
      for (const voter of others()) {
        const key = `${keyOf(voter)}@${epoch}`
        const silent = (lastFetchMs(voter) ?? Number.NEGATIVE_INFINITY) < since
        if (begun.has(key) && !silent) continue
        once(`begin ${key}`, () => announce(voter, epoch))
      }
    },
    endEpoch({ epoch }, successors) {
      begun.clear()
      const told = others().map((voter) => takeLeave(voter, epoch, successors))
      ending = Promise.all(told).then(() => {})
      replica.spawn(() => ending)
    },
    epochEnded: () => ending,
  }
}
