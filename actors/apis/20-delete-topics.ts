/**
 * DeleteTopics v1-6, decided by the active controller, forwarded by brokers (KIP-4, 516).
 *
 * - By name, from v6 by name or id. The logs go when the brokers replay the record.
 * - With `delete.topic.enable=false` every topic is answered TOPIC_DELETION_DISABLED.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, refuse } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { DeleteTopics } from '../../transport/schemas/20-delete-topics.ts'
import { errorOf } from '../controller/cluster.ts'
import { deleteTopics as decide, type TopicToDelete } from '../controller/topics.ts'
import type { ControllerHost } from '../controller/types.ts'
import { forwarded } from './forwarded.ts'
import { handler } from './handler.ts'

type Asked = Request<typeof DeleteTopics>
const versions = [1, 6] as const

const named = ({ topics, topicNames }: Asked): TopicToDelete[] =>
  topicNames.length > 0 ? topicNames.map((name) => ({ name, topicId: ZERO_UUID })) : topics

const failed = (
  request: Asked,
  error: ErrorName,
  message: string | null,
): Response<typeof DeleteTopics> => ({
  throttleTimeMs: 0,
  responses: named(request).map((topic) => ({ ...topic, ...errorOf(error, message) })),
})

export const deleteTopics = handler<typeof DeleteTopics, ControllerHost>(
  DeleteTopics,
  versions,
  async (request, asker, { controller, config }) => {
    if (!config.bool('delete.topic.enable')) {
      const error = asker.apiVersion < 3 ? 'INVALID_REQUEST' : 'TOPIC_DELETION_DISABLED'
      refuse(error, 'delete.topic.enable is false')
    }
    const responses = await controller.write((cluster) => decide(cluster, named(request)))
    return { throttleTimeMs: 0, responses }
  },
  failed,
)

export const forwardDeleteTopics = forwarded(
  DeleteTopics,
  versions,
  failed,
  (request) => request.timeoutMs,
)
