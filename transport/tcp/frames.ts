/**
 * Cuts a stream of bytes into Kafka's frames: a length as int32, then so many bytes.
 *
 * Whoever reads the stream asks for `room`, reads into it and tells how much came: the bytes of a
 * large frame arrive in the Buffer that is handed on, and memory is reserved for what arrived, not
 * for what was declared (W1). All else passes a scratch that all readers share, and is copied out
 * of it before the next one reads. A frame that was handed on is never written again (S12).
 */

const scratch = Buffer.allocUnsafeSlow(64 * 1024)
const lengthBytes = 4
/** Room below this is not read to: more than that may have come. */
const directFrom = 8 * 1024
/** What is reserved for a frame, as a multiple of what of it has arrived, and at least. */
const reservedTimes = 4
const reservedMin = 1024

/** A declared length that is negative or above the bound. */
export class FrameError extends Error {}

export type FrameReader = ReturnType<typeof frameReader>

export function frameReader(frameBytesMax: number) {
  const whole: Buffer[] = []
  /** The frame that is arriving, as far as there is room for it. */
  let frame: Buffer | undefined
  /** Of its length prefix while `frame` is undefined. */
  const prefix = Buffer.allocUnsafe(lengthBytes)
  let declared = 0
  let arrived = 0
  let refusal: FrameError | undefined

  function checked(length: number): number {
    if (length >= 0 && length <= frameBytesMax) return length
    refusal = new FrameError(`a frame of ${length} bytes, bound ${frameBytesMax}`)
    return -1
  }

  /** Room for what has arrived and some more. */
  function reserve(bytes: number): void {
    const size = Math.min(declared, Math.max(reservedMin, bytes * reservedTimes))
    const larger = Buffer.allocUnsafeSlow(size)
    frame?.copy(larger, 0, 0, arrived)
    frame = larger
  }

  function arrive(bytes: number): void {
    arrived += bytes
    if (frame === undefined || arrived < declared) return
    whole.push(frame)
    frame = undefined
    arrived = 0
  }

  /** Where the frames end that lie whole within the bytes. */
  function endOfWhole(bytes: Buffer, from: number): number {
    let at = from
    while (bytes.length - at >= lengthBytes) {
      const length = checked(bytes.readInt32BE(at))
      if (length < 0 || length > bytes.length - at - lengthBytes) return at
      at += lengthBytes + length
    }
    return at
  }

  /** Frames that came together share one Buffer. */
  function takeWhole(bytes: Buffer, from: number, to: number): void {
    const own = Buffer.allocUnsafeSlow(to - from)
    bytes.copy(own, 0, from, to)
    for (let at = 0; at < own.length; ) {
      const begin = at + lengthBytes
      at = begin + own.readInt32BE(at)
      whole.push(own.subarray(begin, at))
    }
  }

  function begin(bytes: Buffer, from: number): number {
    const copied = bytes.copy(prefix, arrived, from)
    arrived += copied
    if (arrived < lengthBytes) return from + copied
    declared = checked(prefix.readInt32BE(0))
    arrived = 0
    if (declared === 0) whole.push(Buffer.alloc(0))
    else if (declared > 0) reserve(Math.min(declared, bytes.length - from - copied))
    return from + copied
  }

  function take(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length && refusal === undefined) {
      if (frame !== undefined) {
        if (arrived === frame.length) reserve(arrived + bytes.length - at)
        const copied = bytes.copy(frame, arrived, at)
        at += copied
        arrive(copied)
        continue
      }
      const end = arrived === 0 ? endOfWhole(bytes, at) : at
      if (end > at) takeWhole(bytes, at, end)
      at = end < bytes.length && refusal === undefined ? begin(bytes, end) : end
    }
  }

  return {
    /** Where the next bytes of the stream are to be read to, before anybody else reads. */
    room(): Buffer {
      if (frame === undefined || frame.length - arrived < directFrom) return scratch
      return frame.subarray(arrived)
    },
    /** So many bytes were read to where the last `room` was. */
    filled(room: Uint8Array, bytes: number): void {
      if (room === scratch) take(scratch.subarray(0, bytes))
      else arrive(bytes)
    },
    /** Bytes that were read elsewhere. */
    push: take,
    /**
     * The next whole frame, or undefined until more has arrived.
     * @throws FrameError once those before it were taken
     */
    next(): Buffer | undefined {
      const next = whole.shift()
      if (next === undefined && refusal !== undefined) throw refusal
      return next
    },
    /** A frame has begun and is not whole. */
    isWithinFrame: (): boolean => frame !== undefined || arrived > 0,
  }
}
