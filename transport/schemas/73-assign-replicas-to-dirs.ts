import { api } from '../protocol/api.ts'
import { array, int16, int32, int64, uuid } from '../protocol/schema.ts'

/** A broker tells the controller which log directories hold its replicas (KIP-858). */
export const AssignReplicasToDirs = api(
  {
    key: 73,
    name: 'AssignReplicasToDirs',
    versions: [0, 0],
    flexible: 0,
    listeners: ['controller'],
  },
  {
    brokerId: int32,
    brokerEpoch: int64,
    directories: array({
      id: uuid,
      topics: array({ topicId: uuid, partitions: array({ partitionIndex: int32 }) }),
    }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    directories: array({
      id: uuid,
      topics: array({
        topicId: uuid,
        partitions: array({ partitionIndex: int32, errorCode: int16 }),
      }),
    }),
  },
)
