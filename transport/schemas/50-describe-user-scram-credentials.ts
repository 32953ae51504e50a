import { api } from '../protocol/api.ts'
import { array, int8, int16, int32, nullable, string } from '../protocol/schema.ts'

/** Lists users' SCRAM mechanisms and iterations, never their secrets (KIP-554). */
export const DescribeUserScramCredentials = api(
  {
    key: 50,
    name: 'DescribeUserScramCredentials',
    versions: [0, 0],
    flexible: 0,
    listeners: ['broker', 'controller'],
  },
  {
    users: nullable(array({ name: string })),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    results: array({
      user: string,
      errorCode: int16,
      errorMessage: nullable(string),
      credentialInfos: array({ mechanism: int8, iterations: int32 }),
    }),
  },
)
