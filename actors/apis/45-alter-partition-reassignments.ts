/**
 * AlterPartitionReassignments v0-1, decided by the active controller, forwarded by brokers (KIP-455).
 *
 * - Null replicas cancel. A reassignment ends by itself when the ISR holds the new replicas.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { AlterPartitionReassignments } from '../../transport/schemas/45-alter-partition-reassignments.ts'
import { errorOf, noError } from '../controller/cluster.ts'
import { alterReassignments as decide } from '../controller/reassignments.ts'
import type { ControllerHost } from '../controller/types.ts'
import { forwarded } from './forwarded.ts'
import { handler } from './handler.ts'

const versions = [0, 1] as const

const failed = (
  { topics, allowReplicationFactorChange }: Request<typeof AlterPartitionReassignments>,
  error: ErrorName,
  message: string | null,
): Response<typeof AlterPartitionReassignments> => ({
  throttleTimeMs: 0,
  allowReplicationFactorChange,
  ...errorOf(error, message),
  responses: topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      ...errorOf(error, message),
    })),
  })),
})

export const alterPartitionReassignments = handler<
  typeof AlterPartitionReassignments,
  ControllerHost
>(
  AlterPartitionReassignments,
  versions,
  async (request, _, { controller }) => ({
    throttleTimeMs: 0,
    allowReplicationFactorChange: request.allowReplicationFactorChange,
    ...noError,
    responses: await controller.write((cluster) => decide(cluster, request)),
  }),
  failed,
)

export const forwardAlterPartitionReassignments = forwarded(
  AlterPartitionReassignments,
  versions,
  failed,
  (request) => request.timeoutMs,
)
