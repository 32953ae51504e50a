import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int16,
  int32,
  nullable,
  since,
  string,
  until,
  uuid,
} from '../protocol/schema.ts'

/** Deletes topics by name or by id (KIP-516). */
export const DeleteTopics = api(
  {
    key: 20,
    name: 'DeleteTopics',
    versions: [1, 6],
    flexible: 4,
    listeners: ['broker', 'controller'],
  },
  {
    topics: since(6, array({ name: nullable(string), topicId: uuid })),
    topicNames: ignorable(until(5, array(string))),
    timeoutMs: int32,
  },
  {
    throttleTimeMs: int32,
    responses: array({
      name: nullable(string, 6),
      topicId: ignorable(since(6, uuid)),
      errorCode: int16,
      errorMessage: ignorable(since(5, nullable(string), null)),
    }),
  },
)
