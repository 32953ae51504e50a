import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int16,
  int32,
  int64,
  millis,
  nullable,
  records,
  since,
  string,
  tagged,
  until,
  uuid,
} from '../protocol/schema.ts'

/**
 * A producer sends record batches to partition leaders; acks says how many replicas must have
 * them first.
 */
export const Produce = api(
  { key: 0, name: 'Produce', versions: [3, 13], flexible: 9, listeners: ['broker'] },
  {
    transactionalId: nullable(string),
    acks: int16,
    timeoutMs: int32,
    topicData: array({
      name: ignorable(until(12, string)),
      topicId: ignorable(since(13, uuid)),
      partitionData: array({ index: int32, records: nullable(records) }),
    }),
  },
  {
    responses: array({
      name: ignorable(until(12, string)),
      topicId: ignorable(since(13, uuid)),
      partitionResponses: array({
        index: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: millis,
        logStartOffset: ignorable(since(5, int64, -1)),
        recordErrors: ignorable(
          since(8, array({ batchIndex: int32, batchIndexErrorMessage: nullable(string) })),
        ),
        errorMessage: ignorable(since(8, nullable(string), null)),
        currentLeader: since(10, tagged(0, { leaderId: int32, leaderEpoch: int32 }), {
          leaderId: -1,
          leaderEpoch: -1,
        }),
      }),
    }),
    throttleTimeMs: int32,
    nodeEndpoints: since(
      10,
      tagged(
        0,
        array({
          nodeId: int32,
          host: string,
          port: int32,
          rack: nullable(string),
        }),
      ),
    ),
  },
)
