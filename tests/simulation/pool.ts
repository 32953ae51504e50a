/**
 * Histories at once, each in a thread of its own that plays one after the other. What comes back is
 * plain data: errors lose what they are on the way between threads.
 */
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import type { Script } from './script.ts'
import { type Failure, play, type Result, type Summary } from './simulate.ts'
import { Violation } from './violation.ts'

export type Told = Summary & {
  realMs: number
  failure?: Omit<Failure, 'why'> & {
    /** Of the broken rule; absent: a node or the simulation itself failed. */
    rule: string | undefined
    message: string
    stack: string | undefined
  }
}

/** @param playing a history as it runs */
export async function tell(playing: Promise<Result>): Promise<Told> {
  const began = performance.now()
  const { failure, ...summary } = await playing
  const realMs = Math.round(performance.now() - began)
  if (failure === undefined) return { ...summary, realMs }
  const { why, ...rest } = failure
  const rule = why instanceof Violation ? why.rule : undefined
  return { ...summary, realMs, failure: { ...rest, rule, message: why.message, stack: why.stack } }
}

if (!isMainThread) {
  // A fault makes errors by the thousand; whoever wants to know where one was made replays its seed.
  Error.stackTraceLimit = 0
  parentPort?.on('message', (script: Script) => {
    void tell(play(script)).then((told) => parentPort!.postMessage(told))
  })
}

export type Pool = {
  /** @returns false when no more are wanted */
  run(scripts: Iterator<Script>, each: (told: Told) => boolean): Promise<void>
  /** At once, whatever is under way. */
  end(): void
}

/** Of what a step makes little outlives it: the fewer collections the better. */
const maxYoungGenerationSizeMb = 64

/** Node 20 does not hand `--import` of TypeScript's loader on to a thread: it is registered there. */
const inThread = `
  import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))}).then(({ register }) => {
    register()
    return import(${JSON.stringify(import.meta.url)})
  })`

export function createPool(jobs: number): Pool {
  const workers = new Set<Worker>()
  let finish: () => void = () => {}

  function end(): void {
    for (const worker of workers) void worker.terminate()
    workers.clear()
    finish()
  }

  return {
    end,
    run(scripts, each) {
      return new Promise<void>((resolve, reject) => {
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
          const worker = new Worker(inThread, {
            eval: true,
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
