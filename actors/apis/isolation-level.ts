/** How far a consumer reads: to the high watermark, or to the last stable offset (KIP-98). */
import { refuse } from '../../transport/protocol/errors.ts'

export const READ_UNCOMMITTED = 0
export const READ_COMMITTED = 1

/** @throws KafkaError UNKNOWN_SERVER_ERROR, as Kafka does not foresee another level */
export function checkIsolationLevel(level: number): void {
  if (level !== READ_UNCOMMITTED && level !== READ_COMMITTED) {
    refuse('UNKNOWN_SERVER_ERROR', `there is no isolation level ${level}`)
  }
}
