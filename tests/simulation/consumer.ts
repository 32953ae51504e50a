/** A consumer that reads every partition from its begin, for ever, and tells each record once. */
import type { Request } from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { batches, checkBatch, crc, lastOffset } from '../../transport/records/batch.ts'
import { records } from '../../transport/records/records.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { ListOffsets } from '../../transport/schemas/02-list-offsets.ts'
import { type Client, NO_TOPIC_ID, NoAnswerError } from './client.ts'
import { createLocator } from './locator.ts'
import type { PartitionOf } from './logs.ts'
import { Violation } from './violation.ts'

export type Consumed = {
  topicId: string
  topic: string
  partition: number
  offset: number
  value: string
  /** CRC of its batch: bytes at an offset never change. */
  crc: number
  /** As told with it. */
  highWatermark: number
  /** Where its poll began. */
  from: number
}

export type ConsumerEvents = {
  consumed(record: Consumed): void
  /** The high watermark that a leader told, by its leader epoch as far as we know it. */
  /** What it asked for is not there any more: it goes on from the log start. */
  reset(of: PartitionOf, to: number): void
  saw(of: PartitionOf, leaderEpoch: number, highWatermark: number): void
}

export type Consumer = {
  /** @param isById this very topic, whatever comes to have its name */
  read(of: PartitionOf, isById?: boolean): void
  /** It is gone. */
  forget(of: PartitionOf): void
  position(of: PartitionOf): number
  stop(): void
}

/** fetch.max.wait.ms */
const maxWaitMs = 500
const retryMs = 50
const EARLIEST = -2
/** A topic that is not there may be gone for good. */
const absentMs = 500
const keyOf = ({ topicId, partition }: PartitionOf) => `${topicId}-${partition}`

/** Without a session, of one partition: by name below v13, by id from there on. */
export const fetchRequest = (
  {
    topic,
    topicId = NO_TOPIC_ID,
    partition,
    offset,
  }: { topic: string; topicId?: string; partition: number; offset: number },
  leaderEpoch: number,
): Request<typeof Fetch> => ({
  clusterId: null,
  replicaId: -1,
  replicaState: { replicaId: -1, replicaEpoch: -1 },
  maxWaitMs,
  minBytes: 1,
  maxBytes: 1024 * 1024,
  isolationLevel: 0,
  sessionId: 0,
  sessionEpoch: -1,
  topics: [
    {
      topic,
      topicId,
      partitions: [
        {
          partition,
          currentLeaderEpoch: leaderEpoch,
          fetchOffset: offset,
          lastFetchedEpoch: -1,
          logStartOffset: -1,
          partitionMaxBytes: 256 * 1024,
          replicaDirectoryId: NO_TOPIC_ID,
          highWatermark: Number.MAX_SAFE_INTEGER,
        },
      ],
    },
  ],
  forgottenTopicsData: [],
  rackId: '',
})

/** What is served is served whole, as the protocol's clients find. */
function checkWhole(of: PartitionOf, from: number, bytes: Buffer): void {
  try {
    for (const at of batches(bytes)) checkBatch(bytes, at)
  } catch (why) {
    throw new Violation('S1', 'bad batches are never served', { of, from, why: String(why) })
  }
}

/** @param clientOf one for each partition: a broker answers a connection in order, one long poll after the other */
export function createConsumer(
  clientOf: (name: string) => Client,
  events: ConsumerEvents,
): Consumer {
  const locator = createLocator(clientOf('consumer'))
  const positions = new Map<string, number>()
  let isStopped = false

  async function follow(of: PartitionOf, isById: boolean): Promise<void> {
    const { topic, partition } = of
    const client = clientOf(`consumer of ${keyOf(of)}`)
    while (!isStopped && positions.has(keyOf(of))) {
      const leader = locator.leader(topic, partition)
      if (leader === undefined || leader.topicId !== of.topicId) {
        if (isById) await client.sleep(absentMs)
        await locator.refresh(topic)
        continue
      }
      try {
        const isFine = await fetchOnce(client, of, isById, leader)
        if (!isFine) await locator.refresh(topic)
      } catch (why) {
        if (!(why instanceof NoAnswerError)) throw why
        await client.sleep(retryMs)
        await locator.refresh(topic)
      }
    }
  }

  async function fetchOnce(
    client: Client,
    of: PartitionOf,
    isById: boolean,
    leader: { nodeId: number; leaderEpoch: number },
  ): Promise<boolean> {
    const key = keyOf(of)
    const from = positions.get(key)!
    const answer = await client.request(
      client.addressOf(leader.nodeId),
      Fetch,
      isById ? 13 : 12,
      fetchRequest({ ...of, offset: from }, leader.leaderEpoch),
    )
    if (!positions.has(key)) return true
    const told = answer.responses[0]?.partitions[0]
    if (told?.errorCode === errorCodes.OFFSET_OUT_OF_RANGE) return reset(client, of, leader)
    if (told === undefined || told.errorCode !== errorCodes.NONE) return false
    events.saw(of, leader.leaderEpoch, told.highWatermark)
    const { highWatermark } = told
    const bytes = told.records ?? Buffer.alloc(0)
    let next = from
    checkWhole(of, from, bytes)
    for (const at of batches(bytes)) {
      for (const { offset, value } of records(bytes, at)) {
        if (offset < from) continue
        events.consumed({
          ...of,
          offset,
          value: String(value),
          crc: crc(bytes, at),
          highWatermark,
          from,
        })
      }
      next = lastOffset(bytes, at) + 1
    }
    positions.set(key, Math.max(from, next))
    return true
  }

  /** As `auto.offset.reset=earliest` does. */
  async function reset(
    client: Client,
    of: PartitionOf,
    { nodeId, leaderEpoch }: { nodeId: number; leaderEpoch: number },
  ): Promise<boolean> {
    const { topic: name, partition: partitionIndex } = of
    const wanted = { partitionIndex, currentLeaderEpoch: leaderEpoch, timestamp: EARLIEST }
    const { topics } = await client.request(client.addressOf(nodeId), ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name, partitions: [wanted] }],
      timeoutMs: 5_000,
    })
    const { errorCode, offset } = topics[0]!.partitions[0]!
    const from = positions.get(keyOf(of))
    // Another leader may begin earlier than the one that refused.
    if (errorCode !== errorCodes.NONE || from === undefined || offset <= from) return false
    positions.set(keyOf(of), offset)
    events.reset(of, offset)
    return true
  }

  return {
    read(of, isById = false) {
      positions.set(keyOf(of), 0)
      void follow(of, isById)
    },
    forget: (of) => void positions.delete(keyOf(of)),
    position: (of) => positions.get(keyOf(of)) ?? 0,
    stop() {
      isStopped = true
    },
  }
}
