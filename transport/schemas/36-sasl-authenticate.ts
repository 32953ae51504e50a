import { api } from '../protocol/api.ts'
import { bytes, ignorable, int16, millis, nullable, since, string } from '../protocol/schema.ts'

/** Carries one step of a SASL exchange (KIP-152, KIP-368). */
export const SaslAuthenticate = api(
  {
    key: 36,
    name: 'SaslAuthenticate',
    versions: [0, 2],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    authBytes: bytes,
  },
  {
    errorCode: int16,
    errorMessage: nullable(string),
    authBytes: bytes,
    sessionLifetimeMs: ignorable(since(1, millis)),
  },
)
