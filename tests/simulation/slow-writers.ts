/**
 * Clients that write a byte now and then. Some requests become whole and are answered as any other;
 * of some only half ever comes, and of one that was announced as huge a little: nothing tells these
 * from a peer that is gone, and the node holds no more for them than what came (W1, W5).
 */
import { encodeRequest } from '../../transport/protocol/api.ts'
import { ApiVersions } from '../../transport/schemas/18-api-versions.ts'
import type { SimNode } from './cluster.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimSockets } from './sockets.ts'
import { Violation } from './violation.ts'

export type SlowPorts = {
  sockets: SimSockets
  scheduler: Scheduler
  fail: (why: Violation) => void
}

const writers = 12
const lookMs = 1_000
/** Below socket.request.max.bytes. */
const hugeBytes = 90 * 1024 * 1024
const arrivedOfHuge = 20_000

function requestOf(correlationId: number): Buffer {
  const header = { correlationId, clientId: 'slow' }
  const empty = { clientSoftwareName: '', clientSoftwareVersion: '' }
  const frame = Buffer.concat(encodeRequest(ApiVersions, 0, header, empty))
  return withLength(frame.length, frame)
}

function withLength(declared: number, bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(declared)
  return Buffer.concat([length, bytes])
}

/**
 * @param forMs within which they write
 * @returns what ends it
 */
export function writeSlowly(node: SimNode, forMs: number, ports: SlowPorts): () => void {
  const ends = Array.from({ length: writers }, (_, index) => {
    const id = index + 1
    if (index === 0) {
      const little = withLength(hugeBytes, Buffer.alloc(arrivedOfHuge))
      return writeOne(node, { id, bytes: little, pieces: 20, isWhole: false }, forMs, ports)
    }
    const isWhole = index % 3 !== 0
    const request = requestOf(id)
    const bytes = isWhole ? request : request.subarray(0, request.length / 2)
    return writeOne(node, { id, bytes, pieces: bytes.length, isWhole }, forMs / id, ports)
  })
  return () => {
    for (const end of ends) end()
  }
}

type Slow = { id: number; bytes: Buffer; pieces: number; isWhole: boolean }

function writeOne(
  node: SimNode,
  { id, bytes, pieces, isWhole }: Slow,
  forMs: number,
  { sockets, scheduler, fail }: SlowPorts,
): () => void {
  const { id: nodeId, address, machine } = node
  let isOver = false
  let isAnswered = false
  const end = () => {
    if (isOver) return
    isOver = true
    socket.close()
  }
  const socket = sockets.connect(address, {
    opened: () => write(0),
    frame(frame) {
      const found = frame.readInt32BE(0)
      if (!isWhole || isAnswered || found !== id) {
        fail(new Violation('W3', 'who wrote one request gets its answer', { address, id, found }))
      }
      isAnswered = true
      end()
    },
    closed() {
      isOver = true
    },
    lost: end,
  })

  function write(piece: number): void {
    if (isOver) return
    const from = Math.floor((piece * bytes.length) / pieces)
    const to = Math.floor(((piece + 1) * bytes.length) / pieces)
    socket.trickle(bytes.subarray(from, to))
    if (piece + 1 < pieces) scheduler.after(forMs / pieces, () => write(piece + 1))
    else if (isWhole) awaitAnswer(false)
  }

  /** A node that was asleep answers soon after; one that starts lets its clients wait. */
  function awaitAnswer(isLate: boolean): void {
    scheduler.after(lookMs, () => {
      if (isOver) return
      const isAwake = !machine.isPaused() && !sockets.unreachable.has(nodeId)
      const isServing = isAwake && node.parts?.broker?.state() === 'running'
      if (isServing && isLate) {
        fail(new Violation('W2', 'a request in trickles is answered', { address, id }))
      } else awaitAnswer(isServing)
    })
  }

  return end
}
