import { api } from '../protocol/api.ts'
import { array, bytes, int16, int32, millis, nullable, since, string } from '../protocol/schema.ts'

/** Creates a delegation token (KIP-48). */
export const CreateDelegationToken = api(
  {
    key: 38,
    name: 'CreateDelegationToken',
    versions: [1, 3],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    ownerPrincipalType: since(3, nullable(string)),
    ownerPrincipalName: since(3, nullable(string)),
    renewers: array({ principalType: string, principalName: string }),
    maxLifetimeMs: millis,
  },
  {
    errorCode: int16,
    principalType: string,
    principalName: string,
    tokenRequesterPrincipalType: since(3, string),
    tokenRequesterPrincipalName: since(3, string),
    issueTimestampMs: millis,
    expiryTimestampMs: millis,
    maxTimestampMs: millis,
    tokenId: string,
    hmac: bytes,
    throttleTimeMs: int32,
  },
)
