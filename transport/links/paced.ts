/**
 * Runs deliveries as microtasks, as quick as can be, but only so many before the event loop has its
 * turn: nodes that answer each other without rest would otherwise keep every socket and timer waiting.
 */
import type { Timers } from '../timers.ts'

/** One unit a delivery and one for each 4 KiB of it: what may pass in one turn of the loop. */
const unitsPerTurn = 1024
const bytesPerUnit = 4096

type Delivery = { run: () => void; units: number }

export function pacedDeliveries(timers: Timers) {
  let spent = 0
  let armed = false
  let waiting: Delivery[] = []
  const now = Promise.resolve()

  function deliver(delivery: Delivery): void {
    // Armed when it may come to that: a link at rest wakes nobody for it.
    if (!armed && spent >= unitsPerTurn / 2) {
      armed = true
      timers.setTimeout(nextTurn, 0)
    }
    if (spent >= unitsPerTurn) {
      waiting.push(delivery)
      return
    }
    spent += delivery.units
    now.then(delivery.run)
  }

  function nextTurn(): void {
    armed = false
    spent = 0
    const due = waiting
    waiting = []
    for (const delivery of due) deliver(delivery)
  }

  return (run: () => void, bytes: number): void =>
    deliver({ run, units: 1 + Math.floor(bytes / bytesPerUnit) })
}
