import { api } from '../protocol/api.ts'
import { array, bytes, int8, int16, int32, nullable, string } from '../protocol/schema.ts'

/** Sets and removes users' SCRAM credentials (KIP-554). */
export const AlterUserScramCredentials = api(
  {
    key: 51,
    name: 'AlterUserScramCredentials',
    versions: [0, 0],
    flexible: 0,
    listeners: ['broker', 'controller'],
  },
  {
    deletions: array({ name: string, mechanism: int8 }),
    upsertions: array({
      name: string,
      mechanism: int8,
      iterations: int32,
      salt: bytes,
      saltedPassword: bytes,
    }),
  },
  {
    throttleTimeMs: int32,
    results: array({
      user: string,
      errorCode: int16,
      errorMessage: nullable(string),
    }),
  },
)
