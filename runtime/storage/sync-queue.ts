/**
 * Bounds the syncs in flight, so that they leave room in the pool of four threads for everything
 * else. First come, first served.
 */
export type SyncQueue = { run(sync: () => Promise<void>): Promise<void> }

export function createSyncQueue(inFlightMax: number): SyncQueue {
  const waiting: (() => void)[] = []
  let inFlight = 0

  function leave() {
    inFlight--
    waiting.shift()?.()
  }
  function enter(): Promise<void> | undefined {
    if (inFlight++ < inFlightMax) return undefined
    inFlight--
    return new Promise((resolve) => {
      waiting.push(() => {
        inFlight++
        resolve()
      })
    })
  }

  return {
    async run(sync) {
      await enter()
      try {
        await sync()
      } finally {
        leave()
      }
    },
  }
}
