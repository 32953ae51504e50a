import { api } from '../protocol/api.ts'
import { bytes, int16, nullable } from '../protocol/schema.ts'

/**
 * A broker forwards a client's request to the active controller, with the client's principal and
 * address (KIP-590).
 */
export const Envelope = api(
  { key: 58, name: 'Envelope', versions: [0, 0], flexible: 0, listeners: ['controller'] },
  {
    requestData: bytes,
    requestPrincipal: nullable(bytes),
    clientHostAddress: bytes,
  },
  {
    responseData: nullable(bytes),
    errorCode: int16,
  },
)
