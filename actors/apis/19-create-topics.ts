/**
 * CreateTopics v2-7, decided by the active controller, forwarded by brokers (KIP-4, 525, 599).
 *
 * - Topics succeed or fail one by one; those that succeed are one atomic batch.
 * - Above 10,000 partitions in all the request is refused as a whole.
 * - `timeoutMs` bounds the way to the controller; the answer leaves once the batch is committed.
 */

import type { Request, Response } from '../../transport/protocol/api.ts'
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import { createTopics as decide, failedTopic } from '../controller/topics.ts'
import type { ControllerHost } from '../controller/types.ts'
import { forwarded } from './forwarded.ts'
import { handler } from './handler.ts'

type Asked = Request<typeof CreateTopics>
const versions = [2, 7] as const

const failed = (
  { topics }: Asked,
  error: ErrorName,
  message: string | null,
): Response<typeof CreateTopics> => ({
  throttleTimeMs: 0,
  topics: topics.map(({ name }) => failedTopic(name, error, message)),
})

export const createTopics = handler<typeof CreateTopics, ControllerHost>(
  CreateTopics,
  versions,
  async (request, _, { controller }) => ({
    throttleTimeMs: 0,
    topics: await controller.write((cluster) => decide(cluster, request)),
  }),
  failed,
)

export const forwardCreateTopics = forwarded(
  CreateTopics,
  versions,
  failed,
  (request) => request.timeoutMs,
)
