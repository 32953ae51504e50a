/**
 * FetchSnapshot v0-1: a replica behind the leader's log start pulls a snapshot in pieces (KIP-630).
 *
 * - Pieces are cut anywhere; the size tells when the last one is there.
 * - A snapshot that has been deleted since is SNAPSHOT_NOT_FOUND: the next Fetch names another.
 */
import type { Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { FetchSnapshot } from '../../transport/schemas/59-fetch-snapshot.ts'
import { nodeEndpoints, type Replica, saidLeader, topicName } from '../quorum/replica.ts'
import { isForUs, type QuorumHost } from '../quorum/rpc.ts'
import { handler } from './handler.ts'

type Answer = Response<typeof FetchSnapshot>
type Partition = Answer['topics'][number]['partitions'][number]

export const fetchSnapshot = handler<typeof FetchSnapshot, QuorumHost>(
  FetchSnapshot,
  [0, 1],
  (request, asker, host) => {
    const { replica, leadership } = host.quorum.rpc
    if (!isForUs(replica, request)) return failure('INCONSISTENT_CLUSTER_ID')
    const [topic] = request.topics
    const asked = topic?.partitions[0]
    if (topic?.name !== topicName || asked === undefined || asked.partition !== 0) {
      return failure('UNKNOWN_TOPIC_OR_PARTITION')
    }
    const { snapshotId, position, currentLeaderEpoch } = asked
    const refuse = (error: ErrorName) =>
      answer(replica, { snapshotId, position, errorCode: errorCodes[error] })
    const { epoch } = replica.role().context
    if (currentLeaderEpoch < epoch) return refuse('FENCED_LEADER_EPOCH')
    if (currentLeaderEpoch > epoch) return refuse('UNKNOWN_LEADER_EPOCH')
    const led = leadership()
    if (led === undefined) return refuse('NOT_LEADER_OR_FOLLOWER')

    const key = { id: request.replicaId, directoryId: asked.replicaDirectoryId }
    const times = { nowMs: replica.clock.monotonic(), wallMs: replica.clock.now() }
    const incarnationId = asker.connectionId
    const seen = { replica: key, incarnationId, offset: undefined, isValid: false, ...times }
    if (key.id >= 0) led.contact(seen)

    const id = { offset: snapshotId.endOffset, epoch: snapshotId.epoch }
    const reader = replica.log.openSnapshot(id)
    if (reader === undefined) return refuse('SNAPSHOT_NOT_FOUND')
    if (position < 0 || position >= reader.sizeBytes) return refuse('POSITION_OUT_OF_RANGE')
    const maxBytes = Math.max(1, Math.min(request.maxBytes, replica.config.fetchSnapshotMaxBytes))
    return answer(replica, {
      snapshotId,
      position,
      size: reader.sizeBytes,
      unalignedRecords: reader.read(position, maxBytes),
    })
  },
  (_, error) => failure(error),
)

function answer(
  replica: Replica,
  partition: Partial<Partition> & Pick<Partition, 'snapshotId' | 'position'>,
): Answer {
  const { leaderId, epoch: leaderEpoch } = saidLeader(replica)
  return {
    ...failure('NONE'),
    topics: [
      {
        name: topicName,
        partitions: [
          {
            index: 0,
            errorCode: errorCodes.NONE,
            currentLeader: { leaderId, leaderEpoch },
            size: 0,
            unalignedRecords: Buffer.alloc(0),
            ...partition,
          },
        ],
      },
    ],
    nodeEndpoints: nodeEndpoints(replica, leaderId),
  }
}

const failure = (error: ErrorName): Answer => ({
  throttleTimeMs: 0,
  errorCode: errorCodes[error],
  topics: [],
  nodeEndpoints: [],
})
