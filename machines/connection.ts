/**
 * One client connection: may it be read, and how does it end?
 *
 * Source: Kafka's SocketServer (muting, idle and closing channels).
 * In:     what the host of the connection sees of its bounds; never a request as such, so that
 *         serving costs nothing here.
 * Out:    what to do with the socket. Authentication will stand before `serving`.
 */
import { setup } from 'xstate'
import { effect } from './effect.ts'

type ConnectionEvent =
  /** Requests or answers that wait for this client have reached their bound; told once. */
  | { type: 'congested' }
  /** There is room again. */
  | { type: 'relieved' }
  /** The client sent what no request can be. */
  | { type: 'malformed'; why: string }
  /** Our own answer cannot be given: the client must not wait for it. */
  | { type: 'failed'; why: string }
  /** The node stops: what was asked is still answered. */
  | { type: 'drain' }
  /** It drains, and nothing is open any more. */
  | { type: 'settled' }
  | { type: 'disconnected' }

export const connection = setup({
  types: {
    input: {} as { connectionId: string },
    context: {} as { connectionId: string },
    events: {} as ConnectionEvent,
    tags: {} as 'reading',
  },
  delays: { drainTimeout: 5_000 }, // ms: a long poll need not be waited for
  actions: {
    pauseReading: effect(),
    resumeReading: effect(),
    logAbuse: effect<{ why: string }>(),
    logFailure: effect<{ why: string }>(),
    endSocket: effect(),
    destroySocket: effect(),
    dropOpenRequests: effect(),
    unexpected: effect(),
  },
}).createMachine({
  id: 'connection',
  initial: 'serving',
  on: { '*': { actions: 'unexpected' } },
  context: ({ input: { connectionId } }) => ({ connectionId }),
  states: {
    serving: {
      initial: 'reading',
      states: {
        reading: {
          tags: 'reading',
          on: { congested: { target: 'muted' } },
        },
        muted: {
          description: 'Back-pressure: the client waits in its own socket until we have room.',
          entry: 'pauseReading',
          on: { relieved: { target: 'reading', actions: 'resumeReading' } },
        },
      },
      on: {
        malformed: {
          target: 'closed',
          actions: [
            { type: 'logAbuse', params: ({ event }) => ({ why: event.why }) },
            'destroySocket',
          ],
        },
        failed: {
          target: 'closed',
          actions: [
            { type: 'logFailure', params: ({ event }) => ({ why: event.why }) },
            'destroySocket',
          ],
        },
        drain: { target: 'draining' },
        disconnected: { target: 'closed' },
      },
    },
    draining: {
      entry: 'pauseReading',
      after: { drainTimeout: { target: 'closed', actions: 'destroySocket' } },
      on: {
        settled: { target: 'closed', actions: 'endSocket' },
        failed: {
          target: 'closed',
          actions: [
            { type: 'logFailure', params: ({ event }) => ({ why: event.why }) },
            'destroySocket',
          ],
        },
        malformed: { target: 'closed', actions: 'destroySocket' },
        disconnected: { target: 'closed' },
        congested: { description: 'Nothing is read any more.' },
        relieved: { description: 'Nothing is read any more.' },
        drain: { description: 'It does.' },
      },
    },
    closed: { type: 'final', entry: 'dropOpenRequests' },
  },
})
