/** What was sent, as it was then: on arrival it must still be that (S12). */
import { crc32c } from '../../transport/records/crc32c.ts'

export type Sent = { chunks: Buffer[]; bytes: Buffer; sum: number }

export function seal(chunks: Buffer[]): Sent {
  const bytes = Buffer.concat(chunks)
  return { chunks, bytes, sum: crc32c(bytes, 0, bytes.length) }
}

export const joined = (chunks: Buffer[]): Buffer =>
  chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
