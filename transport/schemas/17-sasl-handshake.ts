import { api } from '../protocol/api.ts'
import { array, int16, string } from '../protocol/schema.ts'

/** A client names the SASL mechanism that it wants to use. */
export const SaslHandshake = api(
  { key: 17, name: 'SaslHandshake', versions: [0, 1], listeners: ['broker', 'controller'] },
  {
    mechanism: string,
  },
  {
    errorCode: int16,
    mechanisms: array(string),
  },
)
