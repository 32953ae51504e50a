/**
 * Cuts a stream of bytes into Kafka's frames: a length as int32, then so many bytes.
 *
 * A frame inside one chunk is a view of it. One that spans chunks is copied once, when it is whole;
 * until then only what has arrived is kept, whatever length was declared (W1).
 */

/** Chunks below this are gathered in slabs: a frame that trickles in costs its bytes, not an object each. */
const smallChunk = 4 * 1024
const slabBytes = 16 * 1024
const lengthBytes = 4

/** A declared length that is negative or above the bound. */
export class FrameError extends Error {}

export function frameReader(frameBytesMax: number) {
  const chunks: Buffer[] = []
  let buffered = 0
  /** Of the frame that begins the stream; -1 until its four bytes are there. */
  let declared = -1
  /** Free rest of the slab that the last chunk is a view of. */
  let slab: Buffer | undefined
  let slabUsed = 0

  function gather(chunk: Buffer): void {
    if (slab === undefined || slab.length - slabUsed < chunk.length) {
      slab = Buffer.allocUnsafeSlow(slabBytes)
      slabUsed = 0
    }
    chunk.copy(slab, slabUsed)
    if (slabUsed > 0) chunks.pop()
    slabUsed += chunk.length
    chunks.push(slab.subarray(0, slabUsed))
  }

  function take(bytes: number): Buffer {
    buffered -= bytes
    slab = undefined
    const first = chunks[0]!
    if (first.length > bytes) {
      chunks[0] = first.subarray(bytes)
      return first.subarray(0, bytes)
    }
    if (first.length === bytes) return chunks.shift()!
    const whole = Buffer.allocUnsafeSlow(bytes)
    let at = 0
    while (at < bytes) {
      const chunk = chunks[0]!
      const copied = chunk.copy(whole, at, 0, bytes - at)
      at += copied
      if (copied === chunk.length) chunks.shift()
      else chunks[0] = chunk.subarray(copied)
    }
    return whole
  }

  return {
    push(chunk: Buffer): void {
      if (chunk.length === 0) return
      if (chunks.length > 0 && chunk.length < smallChunk) gather(chunk)
      else {
        slab = undefined
        chunks.push(chunk)
      }
      buffered += chunk.length
    },
    /**
     * The next whole frame, or undefined until more has arrived.
     * @throws FrameError
     */
    next(): Buffer | undefined {
      if (declared === -1) {
        if (buffered < lengthBytes) return undefined
        declared = take(lengthBytes).readInt32BE(0)
        if (declared < 0 || declared > frameBytesMax) {
          throw new FrameError(`a frame of ${declared} bytes, bound ${frameBytesMax}`)
        }
      }
      if (buffered < declared) return undefined
      const frame = declared === 0 ? Buffer.alloc(0) : take(declared)
      declared = -1
      return frame
    },
    bufferedBytes: (): number => buffered,
  }
}
