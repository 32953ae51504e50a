import { api } from '../protocol/api.ts'
import { array, int8, int16, int32, int64, since, until, uuid } from '../protocol/schema.ts'

/** A partition leader asks the controller to change the ISR (KIP-497, KIP-903). */
export const AlterPartition = api(
  { key: 56, name: 'AlterPartition', versions: [2, 3], flexible: 0, listeners: ['controller'] },
  {
    brokerId: int32,
    brokerEpoch: int64,
    topics: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        leaderEpoch: int32,
        newIsr: until(2, array(int32)),
        newIsrWithEpochs: since(3, array({ brokerId: int32, brokerEpoch: int64 })),
        leaderRecoveryState: int8,
        partitionEpoch: int32,
      }),
    }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    topics: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        leaderId: int32,
        leaderEpoch: int32,
        isr: array(int32),
        leaderRecoveryState: int8,
        partitionEpoch: int32,
      }),
    }),
  },
)
