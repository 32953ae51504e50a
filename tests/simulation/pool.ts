/** Histories at once, each in a thread of its own that plays one after the other. */
import { Worker } from 'node:worker_threads'
import { bundleFile } from './bundle.ts'
import type { Script } from './script.ts'
import type { Told } from './told.ts'

export type Pool = {
  /** @returns false when no more are wanted */
  run(scripts: Iterator<Script>, each: (told: Told) => boolean): Promise<void>
  /** At once, whatever is under way. */
  end(): void
}

/** Of what a step makes little outlives it: the fewer collections the better. */
const maxYoungGenerationSizeMb = 64

export function createPool(jobs: number): Pool {
  const workers = new Set<Worker>()
  let finish: () => void = () => {}
  let isOver = false

  function end(): void {
    isOver = true
    for (const worker of workers) void worker.terminate()
    workers.clear()
    finish()
  }

  return {
    end,
    async run(scripts, each) {
      const thread = await bundleFile(`import './thread.ts'`)
      if (isOver) return
      await new Promise<void>((resolve, reject) => {
        finish = resolve
        const feed = (worker: Worker): void => {
          const { value, done } = scripts.next()
          if (done !== true) {
            worker.postMessage(value)
            return
          }
          workers.delete(worker)
          void worker.terminate()
          if (workers.size === 0) resolve()
        }
        for (let job = 0; job < jobs; job++) {
          const worker = new Worker(thread, {
            execArgv: [],
            resourceLimits: { maxYoungGenerationSizeMb },
          })
          workers.add(worker)
          worker.on('message', (told: Told) => {
            if (!workers.has(worker)) return
            if (each(told)) feed(worker)
            else end()
          })
          worker.on('error', (why) => {
            reject(why)
            end()
          })
          feed(worker)
        }
      })
    },
  }
}
