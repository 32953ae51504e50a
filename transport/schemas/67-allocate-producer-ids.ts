import { api } from '../protocol/api.ts'
import { int16, int32, int64 } from '../protocol/schema.ts'

/** A broker asks the controller for a block of producer ids (KIP-730). */
export const AllocateProducerIds = api(
  {
    key: 67,
    name: 'AllocateProducerIds',
    versions: [0, 0],
    flexible: 0,
    listeners: ['controller'],
  },
  {
    brokerId: int32,
    brokerEpoch: int64,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    producerIdStart: int64,
    producerIdLen: int32,
  },
)
