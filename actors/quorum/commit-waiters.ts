/** Who waits for an offset to be committed, or to hear that this will not be told here. */

export type CommitWaiters = {
  /** Resolves when all up to `offset`, inclusive, is committed. */
  wait(offset: number): Promise<void>
  resolve(highWatermark: number): void
  reject(why: Error): void
}

type Waiter = { offset: number; resolve: () => void; reject: (why: Error) => void }

export function createCommitWaiters(): CommitWaiters {
  let waiting: Waiter[] = []
  return {
    wait: (offset) =>
      new Promise((resolve, reject) => {
        waiting.push({ offset, resolve, reject })
      }),
    resolve(highWatermark) {
      if (waiting.length === 0) return
      const done = waiting.filter(({ offset }) => offset < highWatermark)
      waiting = waiting.filter(({ offset }) => offset >= highWatermark)
      for (const { resolve } of done) resolve()
    },
    reject(why) {
      const left = waiting
      waiting = []
      for (const { reject } of left) reject(why)
    },
  }
}
