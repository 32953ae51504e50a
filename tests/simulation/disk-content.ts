/** The bytes of a file in memory, and what changes them. */

/** Bytes that grow by doubling. */
export type Content = { bytes: Buffer; size: number }

export type Change = { position: number; bytes: Buffer } | { truncateTo: number }

export const emptyContent = (): Content => ({ bytes: Buffer.alloc(0), size: 0 })

export function writeTo(content: Content, position: number, bytes: Buffer): void {
  const end = position + bytes.length
  if (end > content.bytes.length) {
    const larger = Buffer.alloc(Math.max(end, content.bytes.length * 2, 256))
    content.bytes.copy(larger, 0, 0, content.size)
    content.bytes = larger
  }
  bytes.copy(content.bytes, position)
  content.size = Math.max(content.size, end)
}

function truncate(content: Content, size: number): void {
  if (size < content.size) content.bytes.fill(0, size, content.size)
  else if (size > content.size) writeTo(content, size - 1, Buffer.alloc(1))
  content.size = size
}

export function apply(content: Content, change: Change): void {
  if ('truncateTo' in change) truncate(content, change.truncateTo)
  else writeTo(content, change.position, change.bytes)
}
