import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int8,
  int16,
  int32,
  nullable,
  since,
  string,
  tagged,
  uuid,
} from '../protocol/schema.ts'

/** Creates topics, with partitions counted or replicas placed by hand, and their configuration. */
export const CreateTopics = api(
  {
    key: 19,
    name: 'CreateTopics',
    versions: [2, 7],
    flexible: 5,
    listeners: ['broker', 'controller'],
  },
  {
    topics: array({
      name: string,
      numPartitions: int32,
      replicationFactor: int16,
      assignments: array({ partitionIndex: int32, brokerIds: array(int32) }),
      configs: array({ name: string, value: nullable(string) }),
    }),
    timeoutMs: int32,
    validateOnly: boolean,
  },
  {
    throttleTimeMs: int32,
    topics: array({
      name: string,
      topicId: ignorable(since(7, uuid)),
      errorCode: int16,
      errorMessage: nullable(string),
      topicConfigErrorCode: ignorable(since(5, tagged(0, int16))),
      numPartitions: ignorable(since(5, int32, -1)),
      replicationFactor: ignorable(since(5, int16, -1)),
      configs: ignorable(
        since(
          5,
          nullable(
            array({
              name: string,
              value: nullable(string),
              readOnly: boolean,
              configSource: int8,
              isSensitive: boolean,
            }),
          ),
        ),
      ),
    }),
  },
)
