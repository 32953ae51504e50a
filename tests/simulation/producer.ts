/**
 * An idempotent producer: up to five batches in flight to a partition, retried in order with their
 * sequences until their delivery timeout; then their outcome is unknown and it takes a new id.
 */

import { errorCodes } from '../../transport/protocol/errors.ts'
import { encodeBatch } from '../../transport/records/records.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { type Client, NO_TOPIC_ID, NoAnswerError } from './client.ts'
import { createLocator, type Leader } from './locator.ts'
import type { Attempt } from './producer-checker.ts'
import { takeProducerId } from './raw-produce.ts'

export type Outcome =
  | { acked: true; baseOffset: number }
  /** It may be stored, or not. */
  | { acked: false; why: string }

/** `topicId`: to this very topic, whatever comes to have its name. */
export type SendTo = {
  topic: string
  partition: number
  topicId?: string | undefined
  /** Of each record, by its value; absent: none has a key. */
  keyOf?: ((value: string) => string) | undefined
}

export type Producer = {
  /** One batch. Resolves by the delivery timeout. */
  send(to: SendTo, values: string[]): Promise<Outcome>
  /** Its topic is gone: what waits for it ends as unknown. */
  forget(topicId: string): void
  inFlight(): number
  stop(): void
}

export type ProducerOptions = {
  acks: -1 | 1
  deliveryTimeoutMs: number
  requestTimeoutMs: number
  inFlightMax: number
  /** After so many records it raises its epoch (KIP-360), and what it sent in the old one comes again. */
  epochEvery?: number | undefined
  /** Was given an id. */
  ids(producerId: number, to: SendTo): void
  /** A batch leaves. @returns to be called with the error of its answer */
  sent(attempt: Attempt, nodeId: number): (error: number) => void
}

type Batch = {
  bytes: Buffer
  sequence: number
  count: number
  deadline: number
  isSent: boolean
  settle: (outcome: Outcome) => void
}

type Lane = SendTo & {
  queue: { values: string[]; deadline: number; settle: (outcome: Outcome) => void }[]
  window: Batch[]
  nextSequence: number
  producerId: number
  producerEpoch: number
  /** The first batch of this epoch, and of the last until it came again. */
  first: Buffer | undefined
  former: Buffer | undefined
  isPumping: boolean
  /** Ends the pump's rest. */
  wake: () => void
}

const retryMs = 20
const nameOf = new Map<number, string>(
  Object.entries(errorCodes).map(([name, code]) => [code, name]),
)
/** Nothing of the batch was stored, and never will be. */
const refusals = new Set<number>([
  errorCodes.MESSAGE_TOO_LARGE,
  errorCodes.INVALID_RECORD,
  errorCodes.INVALID_REQUIRED_ACKS,
  errorCodes.CORRUPT_MESSAGE,
])

export function createProducer(client: Client, options: ProducerOptions): Producer {
  const locator = createLocator(client)
  const lanes = new Map<string, Lane>()
  const { machine } = client
  let isStopped = false

  function laneOf({ topic, topicId, partition, keyOf }: SendTo): Lane {
    const key = `${topicId ?? topic}-${partition}`
    const lane = lanes.get(key) ?? {
      topic,
      topicId,
      partition,
      keyOf,
      queue: [],
      window: [],
      nextSequence: 0,
      producerId: -1,
      producerEpoch: -1,
      first: undefined,
      former: undefined,
      isPumping: false,
      wake: () => {},
    }
    lanes.set(key, lane)
    return lane
  }

  /** An id for each partition: a batch that is given up takes only its own partition's along. */
  async function takeId(lane: Lane): Promise<void> {
    const answer = await takeProducerId(client, client.anyAddress())
    if (answer.errorCode !== errorCodes.NONE) return
    lane.producerId = answer.producerId
    lane.producerEpoch = answer.producerEpoch
    lane.nextSequence = 0
    lane.former = undefined
    options.ids(answer.producerId, lane)
  }

  function raiseEpoch(lane: Lane): void {
    const { epochEvery = Number.POSITIVE_INFINITY } = options
    if (lane.window.length > 0 || lane.nextSequence < epochEvery) return
    lane.former = lane.first
    lane.producerEpoch++
    lane.nextSequence = 0
  }

  function fill(lane: Lane): void {
    raiseEpoch(lane)
    while (lane.window.length < options.inFlightMax && lane.queue.length > 0) {
      const { values, deadline, settle } = lane.queue.shift()!
      const timestamp = machine.now()
      const bytes = encodeBatch({
        baseOffset: 0,
        leaderEpoch: -1,
        producerId: lane.producerId,
        producerEpoch: lane.producerEpoch,
        baseSequence: lane.nextSequence,
        records: values.map((value) => ({
          key: lane.keyOf === undefined ? null : Buffer.from(lane.keyOf(value)),
          value: Buffer.from(value),
          timestamp,
        })),
      })
      const count = values.length
      if (lane.nextSequence === 0) lane.first = bytes
      lane.window.push({
        bytes,
        sequence: lane.nextSequence,
        count,
        deadline,
        isSent: false,
        settle,
      })
      lane.nextSequence += count
    }
  }

  function leaderOf({ topic, topicId, partition }: Lane): Leader | undefined {
    const found = locator.leader(topic, partition)
    return topicId === undefined || found?.topicId === topicId ? found : undefined
  }

  /** What waited too long ends as unknown; the rest of its id with it, since a gap cannot be filled. */
  function expire(lane: Lane): void {
    const now = machine.monotonic()
    if (lane.window.some(({ deadline }) => deadline <= now)) {
      for (const batch of lane.window) batch.settle({ acked: false, why: 'delivery timeout' })
      lane.window = []
      lane.producerId = -1
    }
    lane.queue = lane.queue.filter((waiting) => {
      if (waiting.deadline > now) return true
      waiting.settle({ acked: false, why: 'delivery timeout' })
      return false
    })
  }

  async function pump(lane: Lane): Promise<void> {
    if (lane.isPumping) return
    lane.isPumping = true
    while (!isStopped && (lane.window.length > 0 || lane.queue.length > 0)) {
      expire(lane)
      try {
        if (lane.producerId < 0) await takeId(lane)
        if (lane.producerId >= 0) fill(lane)
      } catch (why) {
        if (!(why instanceof NoAnswerError)) throw why
      }
      const leader = leaderOf(lane)
      if (leader === undefined) await locator.refresh(lane.topic)
      else {
        // In order: what failed goes first, and nothing passes it.
        for (const batch of lane.window) if (!batch.isSent) void deliver(lane, batch)
      }
      await client.sleep(retryMs)
      await rest(lane)
    }
    lane.isPumping = false
  }

  /** Until something changes, when all that may be under way is. */
  async function rest(lane: Lane): Promise<void> {
    const { window, queue } = lane
    const isFull = queue.length === 0 || window.length >= options.inFlightMax
    const isAllSent = window.length > 0 && window.every(({ isSent }) => isSent)
    if (isStopped || lane.producerId < 0 || !isFull || !isAllSent) return
    const deadline = Math.min(...[...window, ...queue].map((each) => each.deadline))
    await new Promise<void>((done) => {
      const timer = machine.setTimeout(done, deadline - machine.monotonic())
      lane.wake = () => {
        machine.clearTimeout(timer)
        done()
      }
    })
  }

  async function produce(
    { topic, topicId, partition: index }: Lane,
    leader: Leader,
    records: Buffer,
  ) {
    const { acks, requestTimeoutMs: timeoutMs } = options
    const { responses } = await client.request(
      client.addressOf(leader.nodeId),
      Produce,
      topicId === undefined ? 11 : 13,
      {
        transactionalId: null,
        acks,
        timeoutMs,
        topicData: [
          {
            name: topic,
            topicId: topicId ?? NO_TOPIC_ID,
            partitionData: [{ index, records }],
          },
        ],
      },
      timeoutMs + 2_000,
    )
    return responses[0]!.partitionResponses[0]!
  }

  /** Something of the new epoch is stored: nothing of the old one may be any more (I3). */
  function comeAgain(lane: Lane, leader: Leader): void {
    const { former } = lane
    if (former === undefined) return
    lane.former = undefined
    produce(lane, leader, former).catch((why: unknown) => {
      if (!(why instanceof NoAnswerError)) throw why
    })
  }

  async function deliver(lane: Lane, batch: Batch): Promise<void> {
    const { topic, partition, producerId } = lane
    const leader = leaderOf(lane)
    if (leader === undefined) return
    batch.isSent = true
    const { producerEpoch } = lane
    const { sequence } = batch
    const to = { topicId: leader.topicId, topic, partition }
    const attempt = { ...to, producerId, producerEpoch, sequence }
    const answered = options.sent(attempt, leader.nodeId)
    const again = async () => {
      const at = lane.window.indexOf(batch)
      if (at < 0 || lane.producerId !== producerId) return
      await locator.refresh(topic)
      for (const each of lane.window.slice(lane.window.indexOf(batch))) each.isSent = false
    }
    try {
      const answer = await produce(lane, leader, batch.bytes)
      answered(answer.errorCode)
      const at = lane.window.indexOf(batch)
      if (at < 0) return
      if (answer.errorCode === errorCodes.NONE) {
        lane.window.splice(at, 1)
        batch.settle({ acked: true, baseOffset: answer.baseOffset })
        comeAgain(lane, leader)
        fill(lane)
        for (const each of lane.window) if (!each.isSent) void deliver(lane, each)
      } else if (refusals.has(answer.errorCode)) {
        lane.window.splice(at, 1)
        batch.settle({ acked: false, why: nameOf.get(answer.errorCode)! })
        lane.producerId = -1
      } else await again()
    } catch (why) {
      if (!(why instanceof NoAnswerError)) throw why
      await again()
    } finally {
      lane.wake()
    }
  }

  return {
    send(to, values) {
      const lane = laneOf(to)
      const deadline = machine.monotonic() + options.deliveryTimeoutMs
      return new Promise<Outcome>((settle) => {
        lane.queue.push({ values, deadline, settle })
        lane.wake()
        void pump(lane)
      })
    },
    forget(topicId) {
      for (const lane of lanes.values()) {
        if (lane.topicId !== topicId) continue
        for (const { settle } of [...lane.window, ...lane.queue]) {
          settle({ acked: false, why: 'its topic is gone' })
        }
        lane.window = []
        lane.queue = []
        lane.wake()
      }
    },
    inFlight: () =>
      [...lanes.values()].reduce((sum, { window, queue }) => sum + window.length + queue.length, 0),
    stop() {
      isStopped = true
    },
  }
}
