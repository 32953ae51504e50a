/**
 * What stands before each payload on NATS: who sends it, which incarnation it is for, what it
 * belongs to, how old it may become, and which part of the whole it is. 64 bytes, big endian.
 *
 *  0 int8   layout, 1          40 uint32 correlation: of the request, or of what is credited
 *  1 int8   kind               44 uint32 sent at, ms of the sender's monotonic clock
 *  4 int32  sender node id     48 uint32 timeout ms of the request
 *  8 uuid   sender incarnation 52 uint32 total bytes of the whole, or bytes credited
 * 24 uuid   receiver           56 uint32 offset of this part
 *           incarnation, 0:any 60 uint32 transfer, by which its sender is given credit
 */
import type { Endpoint } from './link.ts'

export const prefixBytes = 64
const layout = 1

export const kinds = {
  request: 1,
  answer: 2,
  refused: 3,
  /** A request that was meant for another incarnation. */
  otherIncarnation: 4,
  /** So many bytes of a transfer have arrived: more may be sent. */
  credit: 5,
} as const
export type Kind = (typeof kinds)[keyof typeof kinds]

export type Prefix = {
  kind: Kind
  from: Endpoint
  /** null: whoever has the id. */
  incarnationId: string | null
  correlationId: number
  sentAt: number
  timeoutMs: number
  total: number
  offset: number
  transfer: number
}

/** @throws when the id is no uuid */
export function uuidBytes(id: string): Buffer {
  const bytes = Buffer.from(id, 'base64url')
  if (bytes.length !== 16) throw new Error(`'${id}' is no uuid in base64url`)
  return bytes
}

/** Writes prefixes for one sender; what does not change is laid out once. */
export function prefixWriter(self: Endpoint) {
  const template = Buffer.alloc(prefixBytes)
  template.writeInt8(layout, 0)
  template.writeInt32BE(self.nodeId, 4)
  uuidBytes(self.incarnationId).copy(template, 8)

  /** `into` has room for the prefix and what follows it. */
  return (into: Buffer, prefix: Omit<Prefix, 'from'>): void => {
    template.copy(into)
    into[1] = prefix.kind
    if (prefix.incarnationId !== null) into.write(prefix.incarnationId, 24, 16, 'base64url')
    into.writeUInt32BE(prefix.correlationId, 40)
    into.writeUInt32BE(Math.floor(prefix.sentAt) % 2 ** 32, 44)
    into.writeUInt32BE(Math.min(prefix.timeoutMs, 2 ** 32 - 1), 48)
    into.writeUInt32BE(prefix.total, 52)
    into.writeUInt32BE(prefix.offset, 56)
    into.writeUInt32BE(prefix.transfer, 60)
  }
}

/** @returns undefined when this is no message of ours */
export function readPrefix(message: Buffer): Prefix | undefined {
  if (message.length < prefixBytes || message[0] !== layout) return undefined
  const kind = message[1]!
  if (kind < kinds.request || kind > kinds.credit) return undefined
  const isForAny = message.readUInt32BE(24) === 0 && message.readUInt32BE(28) === 0
  return {
    kind: kind as Kind,
    from: {
      nodeId: message.readInt32BE(4),
      incarnationId: message.toString('base64url', 8, 24),
    },
    incarnationId: isForAny ? null : message.toString('base64url', 24, 40),
    correlationId: message.readUInt32BE(40),
    sentAt: message.readUInt32BE(44),
    timeoutMs: message.readUInt32BE(48),
    total: message.readUInt32BE(52),
    offset: message.readUInt32BE(56),
    transfer: message.readUInt32BE(60),
  }
}
