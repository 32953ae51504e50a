/** Where a group lives: which partition of `__consumer_offsets`, by Java's hash of its id. */

/** Java's String.hashCode: over UTF-16 units, in 32 bits. */
export function javaHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0
  return hash
}

/** The int minimum has no positive counterpart; Kafka counts it as 0. */
export function partitionOf(groupId: string, partitions: number): number {
  const hash = javaHash(groupId)
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % partitions
}
