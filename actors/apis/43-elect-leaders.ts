/**
 * ElectLeaders v1-2, decided by the active controller, forwarded by brokers (KIP-183, 460).
 *
 * - Preferred or unclean; of all partitions (null) only those are told that needed an election.
 * - v0 elects preferred leaders only, and tells an error of the whole request with each partition.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { ElectLeaders } from '../../transport/schemas/43-elect-leaders.ts'
import { errorOf } from '../controller/cluster.ts'
import { electLeaders as decide } from '../controller/reassignments.ts'
import type { ControllerHost } from '../controller/types.ts'
import { forwarded } from './forwarded.ts'
import { type Asker, handler } from './handler.ts'

const versions = [0, 2] as const

const failed = (
  { topicPartitions }: Request<typeof ElectLeaders>,
  error: ErrorName,
  message: string | null,
  { apiVersion }: Asker,
): Response<typeof ElectLeaders> => ({
  throttleTimeMs: 0,
  errorCode: apiVersion < 1 ? errorCodes.NONE : errorCodes[error],
  replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({
      partitionId,
      ...errorOf(error, message),
    })),
  })),
})

export const electLeaders = handler<typeof ElectLeaders, ControllerHost>(
  ElectLeaders,
  versions,
  async (request, _, { controller }) => ({
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    replicaElectionResults: await controller.write((cluster) => decide(cluster, request)),
  }),
  failed,
)

export const forwardElectLeaders = forwarded(
  ElectLeaders,
  versions,
  failed,
  (request) => request.timeoutMs,
)
