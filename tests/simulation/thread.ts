/** A thread of the pool: plays the histories that it is sent, one after the other. */
import { parentPort } from 'node:worker_threads'
import type { Script } from './script.ts'
import { play } from './simulate.ts'
import { tell } from './told.ts'

// A fault makes errors by the thousand; whoever wants to know where one was made replays its seed.
Error.stackTraceLimit = 0
parentPort!.on('message', (script: Script) => {
  void tell(play(script)).then((told) => parentPort!.postMessage(told))
})
