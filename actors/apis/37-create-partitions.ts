/**
 * CreatePartitions v0-3, decided by the active controller, forwarded by brokers (KIP-195).
 *
 * - Topics succeed or fail one by one; those that succeed are one atomic batch.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { CreatePartitions } from '../../transport/schemas/37-create-partitions.ts'
import { errorOf } from '../controller/cluster.ts'
import { createPartitions as decide } from '../controller/topics.ts'
import type { ControllerHost } from '../controller/types.ts'
import { forwarded } from './forwarded.ts'
import { handler } from './handler.ts'

const versions = [0, 3] as const

const failed = (
  { topics }: Request<typeof CreatePartitions>,
  error: ErrorName,
  message: string | null,
): Response<typeof CreatePartitions> => ({
  throttleTimeMs: 0,
  results: topics.map(({ name }) => ({ name, ...errorOf(error, message) })),
})

export const createPartitions = handler<typeof CreatePartitions, ControllerHost>(
  CreatePartitions,
  versions,
  async (request, _, { controller }) => ({
    throttleTimeMs: 0,
    results: await controller.write((cluster) => decide(cluster, request)),
  }),
  failed,
)

export const forwardCreatePartitions = forwarded(
  CreatePartitions,
  versions,
  failed,
  (request) => request.timeoutMs,
)
