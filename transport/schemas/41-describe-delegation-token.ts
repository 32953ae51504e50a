import { api } from '../protocol/api.ts'
import { array, bytes, int16, int32, millis, nullable, since, string } from '../protocol/schema.ts'

/** Lists delegation tokens by owner (KIP-48). */
export const DescribeDelegationToken = api(
  {
    key: 41,
    name: 'DescribeDelegationToken',
    versions: [1, 3],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    owners: nullable(array({ principalType: string, principalName: string })),
  },
  {
    errorCode: int16,
    tokens: array({
      principalType: string,
      principalName: string,
      tokenRequesterPrincipalType: since(3, string),
      tokenRequesterPrincipalName: since(3, string),
      issueTimestamp: millis,
      expiryTimestamp: millis,
      maxTimestamp: millis,
      tokenId: string,
      hmac: bytes,
      renewers: array({ principalType: string, principalName: string }),
    }),
    throttleTimeMs: int32,
  },
)
