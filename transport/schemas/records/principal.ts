/**
 * Who asks, as the broker that forwards a request tells it.
 */
import { record } from '../../protocol/record.ts'
import { boolean, string } from '../../protocol/schema.ts'

/** A principal as it travels in an Envelope, behind its version. */
export const DefaultPrincipalData = record(
  { name: 'DefaultPrincipalData', versions: [0, 0], flexible: 0 },
  { type: string, name: string, tokenAuthenticated: boolean },
)
