/**
 * What clients have in common that ask for what they must not get: each says with which of Kafka's codes
 * it must be refused, and goes on until it was, or until its time is over.
 */
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { type Client, NoAnswerError } from './client.ts'
import type { Tell } from './trace.ts'
import { must } from './violation.ts'

export type Foe = {
  client: Client
  topic: string
  partition: number
  isOver(): boolean
  /**
   * Asks until the answer is one of these. @throws Violation of the rule when it is neither that nor one
   * that says nothing yet; OverError once the time is over
   */
  refused(rule: string, what: string, expected: readonly ErrorName[], ask: Ask): Promise<void>
  /** Asks until it is done. @throws OverError once the time is over */
  accepted(ask: Ask): Promise<void>
}

/** One request; its error code. */
export type Ask = () => Promise<number>

/** Nothing more is wanted of it. */
export class OverError extends Error {}

/**
 * Somebody else has to be asked, or later: also where one that leads no more took what will never be
 * committed.
 */
const notNow: readonly ErrorName[] = [
  'NOT_LEADER_OR_FOLLOWER',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'KAFKA_STORAGE_ERROR',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'REQUEST_TIMED_OUT',
  'OFFSET_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
]
const pauseMs = 200
const nameOf = new Map<number, string>(
  Object.entries(errorCodes).map(([name, code]) => [code, name]),
)

export type FoePorts = {
  client: Client
  topic: string
  partition: number
  isOver(): boolean
  note: Tell
}

export function createFoe({ note, ...of }: FoePorts): Foe {
  const { client, isOver } = of

  /** @returns the name of its error; undefined: nobody answered */
  async function answerOf(ask: Ask): Promise<string | undefined> {
    if (isOver()) throw new OverError('its time is over')
    try {
      const error = await ask()
      return nameOf.get(error) ?? String(error)
    } catch (why) {
      if (!(why instanceof NoAnswerError)) throw why
      return undefined
    }
  }

  return {
    ...of,
    async refused(rule, what, expected, ask) {
      const mayBe: readonly string[] = [...expected, ...notNow]
      for (;;) {
        const error = await answerOf(ask)
        must(error === undefined || mayBe.includes(error), rule, `${what} is refused`, () => ({
          ...{ topic: of.topic, partition: of.partition, client: client.name },
          ...{ error, expected },
        }))
        if ((expected as readonly unknown[]).includes(error)) {
          note('foe refused', { client: client.name, asked: what, error })
          return
        }
        await client.sleep(pauseMs)
      }
    },
    async accepted(ask) {
      while ((await answerOf(ask)) !== 'NONE') await client.sleep(pauseMs)
    },
  }
}
