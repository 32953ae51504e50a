/**
 * A controller that does no more for brokers than it must: registrations, heartbeats, AlterPartition as a
 * compare-and-set, producer ids, and directories as they are told.
 */
import type { MutableImage } from '../../actors/metadata/create-image.ts'
import { lostDirectory } from '../../actors/metadata/directory-ids.ts'

import type { Link } from '../../transport/links/link.ts'
import { serveApi } from '../../transport/links/rpc.ts'
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import { Envelope } from '../../transport/schemas/58-envelope.ts'
import { BrokerRegistration } from '../../transport/schemas/62-broker-registration.ts'
import { BrokerHeartbeat } from '../../transport/schemas/63-broker-heartbeat.ts'
import { AllocateProducerIds } from '../../transport/schemas/67-allocate-producer-ids.ts'
import { AssignReplicasToDirs } from '../../transport/schemas/73-assign-replicas-to-dirs.ts'
import { change, fencing } from './changes.ts'

type AlterRequest = Request<typeof AlterPartition>
type AlterResponse = Response<typeof AlterPartition>

export type ControllerHooks = {
  /** Every answer that AlterPartition gives goes through this. */
  onAlterPartition: (request: AlterRequest, honest: () => AlterResponse) => Promise<AlterResponse>
  alterations: AlterRequest[]
  /** What AssignReplicasToDirs told, one line each. */
  assignments: string[]
  /** The answer inside an Envelope. */
  onEnvelope: (request: Request<typeof Envelope>) => Buffer
}

type Ports = {
  link: Link
  /** As all records so far have it. */
  truth: MutableImage
  apply(...records: MetadataRecord[]): void
  lastOffset(): number
  hooks: ControllerHooks
}

/** Before its link connects. */
export function servePlainController({ link, truth, apply, lastOffset, hooks }: Ports): void {
  let producerIds = 1000
  serveApi(link, BrokerRegistration, [0, 4], (request) => {
    apply({
      type: 'RegisterBrokerRecord',
      brokerId: request.brokerId,
      isMigratingZkBroker: false,
      incarnationId: request.incarnationId,
      brokerEpoch: lastOffset() + 1,
      endPoints: request.listeners,
      features: request.features,
      rack: request.rack,
      fenced: true,
      inControlledShutdown: false,
      logDirs: request.logDirs,
      cordonedLogDirs: null,
    })
    return { throttleTimeMs: 0, errorCode: 0, brokerEpoch: lastOffset() }
  })
  serveApi(link, BrokerHeartbeat, [0, 2], (request) => {
    const known = truth.brokers().get(request.brokerId)
    if (known?.epoch !== request.brokerEpoch) {
      return { ...calm, errorCode: errorCodes.STALE_BROKER_EPOCH, isCaughtUp: false }
    }
    const isCaughtUp = request.currentMetadataOffset >= known.epoch
    if (request.wantShutDown) {
      handOver(request.brokerId)
      apply(fencing(truth, request.brokerId, 1))
      return { ...calm, isCaughtUp, isFenced: true, shouldShutDown: true }
    }
    const isReady = isCaughtUp && !request.wantFence
    if (known.fenced && isReady) apply(fencing(truth, request.brokerId, -1))
    return { ...calm, isCaughtUp, isFenced: truth.brokers().get(request.brokerId)!.fenced }
  })
  serveApi(link, AllocateProducerIds, [0, 0], () => {
    const producerIdStart = producerIds
    producerIds += 10
    return { throttleTimeMs: 0, errorCode: 0, producerIdStart, producerIdLen: 10 }
  })
  serveApi(link, Envelope, [0, 0], (request) => ({
    responseData: hooks.onEnvelope(request),
    errorCode: 0,
  }))
  serveApi(link, AssignReplicasToDirs, [0, 0], assign)
  serveApi(link, AlterPartition, [2, 3], (request) => {
    hooks.alterations.push(request)
    return hooks.onAlterPartition(request, () => alter(request))
  })

  function assign({ brokerId, directories }: Request<typeof AssignReplicasToDirs>) {
    for (const { id, topics } of directories) {
      for (const { topicId, partitions } of topics) {
        for (const { partitionIndex } of partitions) {
          const topic = truth.topicById(topicId)!
          const before = topic.partition(partitionIndex)!
          const next = before.directories.map((of, at) =>
            before.replicas[at] === brokerId ? id : of,
          )
          hooks.assignments.push(`${brokerId}: ${topic.name}-${partitionIndex} ${nameOf(id)}`)
          apply(change(topicId, partitionIndex, { directories: next }))
        }
      }
    }
    return { throttleTimeMs: 0, errorCode: 0, directories: [] }
  }

  function handOver(brokerId: number) {
    for (const { topicId, partition } of truth.partitionsWithIsrMember(brokerId)) {
      const isr = partition.isr.filter((id) => id !== brokerId)
      if (isr.length === 0) continue
      apply(change(topicId, partition.partition, { isr, leader: isr[0]! }))
    }
  }

  function alter(request: AlterRequest): AlterResponse {
    const topics = request.topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map((wanted) => {
        const state = truth.topicById(topicId)!.partition(wanted.partitionIndex)!
        const isr = wanted.newIsrWithEpochs.map(({ brokerId }) => brokerId)
        let error: ErrorName = 'NONE'
        if (wanted.leaderEpoch < state.leaderEpoch) error = 'FENCED_LEADER_EPOCH'
        else if (wanted.partitionEpoch !== state.partitionEpoch) error = 'INVALID_UPDATE_VERSION'
        else if (isr.some((id) => truth.brokers().get(id)?.fenced)) error = 'INELIGIBLE_REPLICA'
        else apply(change(topicId, wanted.partitionIndex, { isr }))
        const now = truth.topicById(topicId)!.partition(wanted.partitionIndex)!
        return {
          partitionIndex: wanted.partitionIndex,
          errorCode: errorCodes[error],
          leaderId: now.leader,
          leaderEpoch: now.leaderEpoch,
          isr: now.isr,
          leaderRecoveryState: 0,
          partitionEpoch: now.partitionEpoch,
        }
      }),
    }))
    return { throttleTimeMs: 0, errorCode: 0, topics }
  }
}

const nameOf = (id: string) =>
  id === lostDirectory ? 'lost' : Buffer.from(id, 'base64url').toString().trim()

const calm = {
  throttleTimeMs: 0,
  errorCode: 0,
  isCaughtUp: true,
  isFenced: true,
  shouldShutDown: false,
}
