/**
 * ListPartitionReassignments v0, answered by the active controller, forwarded by brokers (KIP-455).
 *
 * - What it tells is committed before the answer leaves.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { ListPartitionReassignments } from '../../transport/schemas/46-list-partition-reassignments.ts'
import { errorOf, noError } from '../controller/cluster.ts'
import { listReassignments as decide } from '../controller/reassignments.ts'
import type { ControllerHost } from '../controller/types.ts'
import { forwarded } from './forwarded.ts'
import { handler } from './handler.ts'

const versions = [0, 0] as const

const failed = (
  _: Request<typeof ListPartitionReassignments>,
  error: ErrorName,
  message: string | null,
): Response<typeof ListPartitionReassignments> => ({
  throttleTimeMs: 0,
  ...errorOf(error, message),
  topics: [],
})

export const listPartitionReassignments = handler<
  typeof ListPartitionReassignments,
  ControllerHost
>(
  ListPartitionReassignments,
  versions,
  async (request, _, { controller }) => ({
    throttleTimeMs: 0,
    ...noError,
    topics: await controller.write((cluster) => decide(cluster, request)),
  }),
  failed,
)

export const forwardListPartitionReassignments = forwarded(
  ListPartitionReassignments,
  versions,
  failed,
  (request) => request.timeoutMs,
)
