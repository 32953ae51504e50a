import { api } from '../protocol/api.ts'
import { array, int16, int32, int64, millis, nullable, string } from '../protocol/schema.ts'

/** Shows the producers that are active on partitions (KIP-664). */
export const DescribeProducers = api(
  { key: 61, name: 'DescribeProducers', versions: [0, 0], flexible: 0, listeners: ['broker'] },
  {
    topics: array({ name: string, partitionIndexes: array(int32) }),
  },
  {
    throttleTimeMs: int32,
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: nullable(string),
        activeProducers: array({
          producerId: int64,
          producerEpoch: int32,
          lastSequence: int32,
          lastTimestamp: millis,
          coordinatorEpoch: int32,
          currentTxnStartOffset: int64,
        }),
      }),
    }),
  },
)
