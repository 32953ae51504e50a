import { api } from '../protocol/api.ts'
import { bytes, int16, int32, millis } from '../protocol/schema.ts'

/** Ends the life of a delegation token, now or later (KIP-48). */
export const ExpireDelegationToken = api(
  {
    key: 40,
    name: 'ExpireDelegationToken',
    versions: [1, 2],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    hmac: bytes,
    expiryTimePeriodMs: millis,
  },
  {
    errorCode: int16,
    expiryTimestampMs: millis,
    throttleTimeMs: int32,
  },
)
