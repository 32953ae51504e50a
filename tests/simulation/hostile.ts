/**
 * A client that sends what no client sends: random bytes, and headers of real requests with random
 * bytes behind them. Its frames come from their own seed, so that a script says all of them.
 */
import { seededRandom } from './random.ts'
import type { SimSockets } from './sockets.ts'

/** Some more than there are. */
const apiKeyMax = 90
const frames = 8

function frameOf(random: ReturnType<typeof seededRandom>, index: number): Buffer {
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => random.below(256)))
  if (random.chance(0.3)) return bytes(random.below(300))
  const header = Buffer.alloc(10)
  header.writeInt16BE(random.below(apiKeyMax), 0)
  header.writeInt16BE(random.below(18), 2)
  header.writeInt32BE(index, 4)
  // No client id.
  header.writeInt16BE(-1, 8)
  return Buffer.concat([header, bytes(random.below(200))])
}

/** @returns what ends it */
export function sendHostile(sockets: SimSockets, address: string, seed: number): () => void {
  const random = seededRandom(seed)
  let isOpen = true
  const connect = (left: number): void => {
    if (left === 0 || !isOpen) return
    const socket = sockets.connect(address, {
      opened() {
        for (let index = 0; index < frames; index++) socket.send(frameOf(random, index))
      },
      frame() {},
      closed: () => connect(left - 1),
    })
    close = () => socket.close()
  }
  let close: () => void = () => {}
  connect(4)
  return () => {
    isOpen = false
    close()
  }
}
