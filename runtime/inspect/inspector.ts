/**
 * `--inspect`: shows running actors in the Stately inspector, in a browser on this machine.
 *
 * The first process on the machine opens the relay; others join it. `@statelyai/inspect` is
 * loaded here only, and need not be installed.
 */
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { StatelyInspectionEvent } from '@statelyai/inspect'
import type { InspectionEvent } from 'xstate'
import { UserError } from '../config/user-error.ts'
import { createSampler } from './sampler.ts'

const limits = { actorsMax: 100, quietEventsPerSecond: 20 }
const announceEveryMs = 10_000

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function load() {
  try {
    const [{ createWebSocketInspector }, { createInspectorServer }] = await Promise.all([
      import('@statelyai/inspect'),
      import('@statelyai/inspect/server'),
    ])
    return { createWebSocketInspector, createInspectorServer }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UserError('--inspect needs a package; run: npm install @statelyai/inspect')
  }
}

/** XState counts its sessions per process, and several processes share one relay. */
function ofProcess(label: string) {
  const own = (id: string | undefined) => (id === undefined ? undefined : `${label}${id}`)
  return (event: StatelyInspectionEvent): StatelyInspectionEvent => {
    const sessionId = `${label}${event.sessionId}`
    const rootId = own(event.rootId)
    if (event.type === '@xstate.actor') {
      const { name, parentId } = event
      return { ...event, sessionId, rootId, name: `${label}${name}`, parentId: own(parentId) }
    }
    if (event.type === '@xstate.event') {
      return { ...event, sessionId, rootId: rootId!, sourceId: own(event.sourceId) }
    }
    return { ...event, sessionId, rootId: rootId! }
  }
}

/**
 * @param label tells this process's actors from those of others, such as `node-2/`
 * @returns what `createActor` takes as `inspect`
 */
export async function inspector(
  label = '',
  port = 8080,
): Promise<(event: InspectionEvent) => void> {
  const { createWebSocketInspector, createInspectorServer } = await load()
  if (!(await isListening(port))) createInspectorServer({ port, autoOpen: process.stdout.isTTY })
  console.error(`inspector  http://localhost:${port}`)
  const stately = createWebSocketInspector({
    url: `ws://127.0.0.1:${port}`,
    serialize: ofProcess(label),
  })
  const { inspect, announce } = createSampler(
    limits,
    (event) => stately.inspect.next?.(event),
    () => performance.now(),
  )
  setInterval(announce, announceEveryMs).unref()
  return inspect
}
