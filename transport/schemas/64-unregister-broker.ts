import { api } from '../protocol/api.ts'
import { int16, int32, nullable, string } from '../protocol/schema.ts'

/** Removes a broker that will not come back from the metadata (KIP-631). */
export const UnregisterBroker = api(
  {
    key: 64,
    name: 'UnregisterBroker',
    versions: [0, 0],
    flexible: 0,
    listeners: ['broker', 'controller'],
  },
  {
    brokerId: int32,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
  },
)
