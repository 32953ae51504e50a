/**
 * What a prober believes of one incarnation of a node: does it live, or has its process ended?
 *
 * "No responders" is evidence, not proof: a node that reconnects, a split route and a revoked
 * permission look the same. It counts when every probe of a grace ended so, nothing arrived from the
 * incarnation meanwhile, some other node still answers, and neither our link nor our loop was away
 * since we last heard it. Otherwise Kafka's own timeouts decide, as they do for who is only silent.
 *
 * In:  verdicts of probes and signs of life, with the times they are of (monotonic ms).
 * Out: `reportDead`, once for each time it is believed. It brings forward a timeout and nothing else.
 */
import { and, assign, setup } from 'xstate'
import { effect } from './effect.ts'

type ProbeEvent =
  /** Something arrived from this incarnation, by whatever path. */
  | { type: 'heard' }
  /** A probe that was sent at `sentAt` found nobody. `witnessedAt`: when another node last answered. */
  | {
      type: 'noResponders'
      sentAt: number
      at: number
      witnessedAt: number
      /** Another probe since the suspicion has no verdict yet. */
      isAnotherOpen: boolean
    }
  /** A probe that was sent at `sentAt` had no answer at all. */
  | { type: 'silent'; sentAt: number }
  /** Our own loop was late, by less than a grace. */
  | { type: 'delayed'; at: number }
  /** Our own link went down, or our loop stood still: what we knew is old. */
  | { type: 'blinded' }

type Context = { graceMs: number; suspectedAt: number }

export const probe = setup({
  types: {
    input: {} as { graceMs: number },
    context: {} as Context,
    events: {} as ProbeEvent,
    tags: {} as 'dead',
  },
  guards: {
    /** Judged by when the probe left, so that the whole grace lies between first and last. */
    graceIsOver: ({ context, event }) =>
      event.type === 'noResponders' && event.sentAt - context.suspectedAt >= context.graceMs,
    allHaveVerdicts: ({ event }) => event.type === 'noResponders' && !event.isAnotherOpen,
    anotherAnswers: ({ context, event }) =>
      event.type === 'noResponders' && event.witnessedAt >= context.suspectedAt,
    isOfTheGrace: ({ context, event }) =>
      event.type === 'silent' && event.sentAt >= context.suspectedAt,
  },
  delays: { graceEnds: ({ context }) => context.graceMs + 1 },
  actions: {
    suspect: assign({
      suspectedAt: ({ context, event }) => ('at' in event ? event.at : context.suspectedAt),
    }),
    reportDead: effect(),
    reportAlive: effect(),
    askNow: effect(),
    unexpected: effect(),
  },
}).createMachine({
  id: 'probe',
  initial: 'unheard',
  on: { '*': { actions: 'unexpected' } },
  context: ({ input: { graceMs } }) => ({ graceMs, suspectedAt: 0 }),
  states: {
    unheard: {
      description: 'Not heard since we ourselves can hear: nobody is dead by probe here.',
      on: {
        heard: { target: 'alive' },
        noResponders: { description: 'It may have ended long ago, or we may be the ones cut off.' },
        silent: {},
        delayed: {},
        blinded: {},
      },
    },
    alive: {
      description: 'That it still is is no news.',
      on: {
        noResponders: { target: 'suspected', actions: 'suspect' },
        silent: { description: 'A peer that is silent is left to the timeouts of Kafka.' },
        delayed: {},
        blinded: { target: 'unheard' },
      },
    },
    suspected: {
      after: {
        graceEnds: { actions: 'askNow', description: 'The verdict waits for no interval.' },
      },
      on: {
        heard: { target: 'alive' },
        noResponders: [
          { guard: and(['graceIsOver', 'allHaveVerdicts', 'anotherAnswers']), target: 'dead' },
          { description: 'Until the grace is over and another node answers.' },
        ],
        silent: [
          {
            guard: 'isOfTheGrace',
            target: 'alive',
            description: 'Not every probe of the grace ended alike.',
          },
          { description: 'It was asked while it ended.' },
        ],
        delayed: {
          target: 'suspected',
          reenter: true,
          actions: 'suspect',
          description: 'Too few probes lie in this grace: it begins anew.',
        },
        blinded: { target: 'unheard' },
      },
    },
    dead: {
      tags: 'dead',
      entry: 'reportDead',
      on: {
        heard: { target: 'alive', actions: 'reportAlive', description: 'The guess was wrong.' },
        noResponders: {},
        silent: {},
        delayed: {},
        blinded: { description: 'The verdict stands until it is heard again.' },
      },
    },
  },
})
