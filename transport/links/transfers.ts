/**
 * Messages that are sent in parts. Only so many bytes are on their way to one peer: more follow as
 * the peer gives credit for what has arrived, so that no server takes it for a slow consumer. What
 * is not sent by its deadline is not sent at all.
 */
import type { Timer, Timers } from '../timers.ts'

type Transfer = {
  to: number
  total: number
  sent: number
  credited: number
  timer: Timer
  /** @returns the end of the part that was sent */
  sendPart: (transfer: number, offset: number) => number
}

type Peer = { onTheWay: number; queue: number[] }

export function transfers(timers: Timers, windowBytes: number) {
  const open = new Map<number, Transfer>()
  const peers = new Map<number, Peer>()
  let lastId = 0

  const end = (id: number): void => {
    const transfer = open.get(id)
    if (transfer === undefined) return
    open.delete(id)
    timers.clearTimeout(transfer.timer)
    const peer = peers.get(transfer.to)!
    peer.onTheWay -= transfer.sent - transfer.credited
    peer.queue = peer.queue.filter((queued) => queued !== id)
    if (peer.queue.length === 0 && peer.onTheWay === 0) peers.delete(transfer.to)
    else sendMore(peer)
  }

  const sendMore = (peer: Peer): void => {
    for (let id = peer.queue[0]; id !== undefined; id = peer.queue[0]) {
      const transfer = open.get(id)!
      while (transfer.sent < transfer.total) {
        if (peer.onTheWay >= windowBytes) return
        const before = transfer.sent
        transfer.sent = transfer.sendPart(id, before)
        peer.onTheWay += transfer.sent - before
      }
      peer.queue.shift()
    }
  }

  return {
    begin(to: number, total: number, timeoutMs: number, sendPart: Transfer['sendPart']): void {
      do lastId = (lastId + 1) >>> 0
      while (open.has(lastId))
      const id = lastId
      const timer = timers.setTimeout(() => end(id), timeoutMs)
      open.set(id, { to, total, sent: 0, credited: 0, timer, sendPart })
      const peer = peers.get(to) ?? { onTheWay: 0, queue: [] }
      peers.set(to, peer)
      peer.queue.push(id)
      sendMore(peer)
    },
    /** @param received bytes that have arrived altogether: an old or repeated credit does no harm */
    credit(from: number, id: number, received: number): void {
      const transfer = open.get(id)
      if (transfer === undefined || transfer.to !== from) return
      const credited = Math.min(received, transfer.sent)
      if (credited <= transfer.credited) return
      const peer = peers.get(from)!
      peer.onTheWay -= credited - transfer.credited
      transfer.credited = credited
      if (credited === transfer.total) end(id)
      else sendMore(peer)
    },
    clear(): void {
      for (const { timer } of open.values()) timers.clearTimeout(timer)
      open.clear()
      peers.clear()
    },
    bytesOnTheWay: (to: number): number => peers.get(to)?.onTheWay ?? 0,
  }
}
