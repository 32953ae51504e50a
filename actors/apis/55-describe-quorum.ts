/**
 * DescribeQuorum v0-2: who leads the metadata quorum and how far everybody is (KIP-595, 836, 853).
 *
 * - Before v2 there is no place for directory ids and endpoints.
 * - Only the leader knows: others answer NOT_LEADER_OR_FOLLOWER, which forwarders take as "look
 *   for the controller again".
 * - The leader's own times are those of the answer: it is always caught up.
 */
import { includes, isSame } from '../../machines/quorum/votes.ts'
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { DescribeQuorum } from '../../transport/schemas/55-describe-quorum.ts'
import type { Leadership } from '../quorum/leadership.ts'
import { endpointsOf, type Replica, saidLeader, topicName, voters } from '../quorum/replica.ts'
import { onlyPartition, type QuorumHost } from '../quorum/rpc.ts'
import type { ReplicaKey } from '../quorum/types.ts'
import { handler } from './handler.ts'

type Answer = Response<typeof DescribeQuorum>
type Partition = Answer['topics'][number]['partitions'][number]
type ReplicaState = Partition['observers'][number]

export const describeQuorum = handler<typeof DescribeQuorum, QuorumHost>(
  DescribeQuorum,
  [0, 2],
  (request, { apiVersion }, host) => {
    const { replica, leadership } = host.quorum.rpc
    if (onlyPartition(request.topics) === undefined) {
      return refusal(request, 'UNKNOWN_TOPIC_OR_PARTITION')
    }
    const led = leadership()
    if (led === undefined) {
      const { leaderId, epoch: leaderEpoch } = saidLeader(replica)
      return answer({ ...nothing('NOT_LEADER_OR_FOLLOWER'), leaderId, leaderEpoch })
    }
    const told = described(replica, led)
    return apiVersion < 2 ? withoutDirectories(told) : told
  },
  (_, error) => ({ ...answer(nothing('NONE')), errorCode: errorCodes[error], topics: [] }),
)

function described(replica: Replica, led: Leadership): Answer {
  const { self, clock, log } = replica
  const set = voters(replica)
  const now = clock.now()
  const states = led.progress.states()
  const state = (key: ReplicaKey): ReplicaState => {
    if (isSame(key, self)) {
      const logEndOffset = log.endOffset()
      return { ...named(key), logEndOffset, lastFetchTimestamp: now, lastCaughtUpTimestamp: now }
    }
    const known = states.find((each) => isSame(each.replica, key))
    return {
      ...named(key),
      logEndOffset: known?.endOffset ?? -1,
      lastFetchTimestamp: known?.lastFetchWallMs ?? -1,
      lastCaughtUpTimestamp: known?.lastCaughtUpWallMs ?? -1,
    }
  }
  const observers = states.map((each) => each.replica).filter((key) => !includes(set, key))
  return answer(
    {
      ...nothing('NONE'),
      leaderId: self.id,
      leaderEpoch: led.epoch,
      highWatermark: led.highWatermark(),
      currentVoters: set.map(state),
      observers: observers.map(state),
    },
    set.map(({ id }) => ({ nodeId: id, listeners: endpointsOf(replica, id) })),
  )
}

const withoutDirectories = (told: Answer): Answer => {
  const older = (state: ReplicaState) => ({ ...state, replicaDirectoryId: ZERO_UUID })
  const topics = told.topics.map((topic) => ({
    ...topic,
    partitions: topic.partitions.map((partition) => ({
      ...partition,
      currentVoters: partition.currentVoters.map(older),
      observers: partition.observers.map(older),
    })),
  }))
  return { ...told, topics, nodes: [] }
}

const named = ({ id, directoryId }: ReplicaKey) => ({
  replicaId: id,
  replicaDirectoryId: directoryId,
})

const nothing = (error: ErrorName): Partition => ({
  partitionIndex: 0,
  errorCode: errorCodes[error],
  errorMessage: null,
  leaderId: -1,
  leaderEpoch: -1,
  highWatermark: -1,
  currentVoters: [],
  observers: [],
})

const answer = (partition: Partition, nodes: Answer['nodes'] = []): Answer => ({
  errorCode: errorCodes.NONE,
  errorMessage: null,
  topics: [{ topicName, partitions: [partition] }],
  nodes,
})

const refusal = ({ topics }: Request<typeof DescribeQuorum>, error: ErrorName): Answer => ({
  ...answer(nothing(error)),
  topics: topics.map((topic) => ({
    topicName: topic.topicName,
    partitions: topic.partitions.map(({ partitionIndex }) => ({
      ...nothing(error),
      partitionIndex,
      // Fields that Kafka leaves unset here.
      leaderId: 0,
      leaderEpoch: 0,
      highWatermark: 0,
    })),
  })),
})
