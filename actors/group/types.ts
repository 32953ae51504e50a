/** What a broker asks of its group coordinator, beside the group APIs themselves. */
import type { MetadataListener } from '../metadata/image.ts'

export type GroupCoordinator = {
  /** Loads what this broker now leads of `__consumer_offsets`, unloads what it no longer leads. */
  onMetadata: MetadataListener
  /** The partition of `__consumer_offsets` that a group lives in. */
  partitionFor(groupId: string): number
  stop(): void
}
