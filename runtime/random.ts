/** The system's generator, for a real process. */
import { randomBytes, randomInt } from 'node:crypto'
import type { Random } from '../actors/ports/random.ts'

/**
 * RFC 4122's random uuid in Kafka's spelling; a leading dash would read as an option in a shell.
 * Its version bits keep it clear of the hundred smallest, which Kafka reserves.
 */
function uuid(): string {
  for (;;) {
    const bytes = randomBytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const text = bytes.toString('base64url')
    if (!text.startsWith('-')) return text
  }
}

export const systemRandom: Random = {
  next: () => randomInt(2 ** 47) / 2 ** 47,
  below: (bound) => randomInt(bound),
  uuid,
}
