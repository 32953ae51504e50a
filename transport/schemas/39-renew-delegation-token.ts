import { api } from '../protocol/api.ts'
import { bytes, int16, int32, millis } from '../protocol/schema.ts'

/** Extends the life of a delegation token (KIP-48). */
export const RenewDelegationToken = api(
  {
    key: 39,
    name: 'RenewDelegationToken',
    versions: [1, 2],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    hmac: bytes,
    renewPeriodMs: millis,
  },
  {
    errorCode: int16,
    expiryTimestampMs: millis,
    throttleTimeMs: int32,
  },
)
