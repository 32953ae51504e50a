/** A consumer that reads every partition from its begin, for ever, and tells each record once. */
import type { Request } from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { batches, crc, lastOffset } from '../../transport/records/batch.ts'
import { records } from '../../transport/records/records.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { type Client, NO_TOPIC_ID, NoAnswerError } from './client.ts'
import { createLocator } from './locator.ts'

export type Consumed = {
  topic: string
  partition: number
  offset: number
  value: string
  /** CRC of its batch: bytes at an offset never change. */
  crc: number
  /** As told with it. */
  highWatermark: number
}

export type ConsumerEvents = {
  consumed(record: Consumed): void
  /** The high watermark that a leader told, by its leader epoch as far as we know it. */
  saw(topic: string, partition: number, leaderEpoch: number, highWatermark: number): void
}

export type Consumer = {
  read(topic: string, partition: number): void
  position(topic: string, partition: number): number
  stop(): void
}

const maxWaitMs = 200
const retryMs = 50

/** Without a session, of one partition. */
export const fetchRequest = (
  { topic, partition, offset }: { topic: string; partition: number; offset: number },
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
      topicId: NO_TOPIC_ID,
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

export function createConsumer(client: Client, events: ConsumerEvents): Consumer {
  const locator = createLocator(client)
  const positions = new Map<string, number>()
  let isStopped = false

  async function follow(topic: string, partition: number): Promise<void> {
    while (!isStopped) {
      const leader = locator.leader(topic, partition)
      if (leader === undefined) {
        await locator.refresh(topic)
        continue
      }
      try {
        const isFine = await fetchOnce(topic, partition, leader)
        if (!isFine) await locator.refresh(topic)
      } catch (why) {
        if (!(why instanceof NoAnswerError)) throw why
        await client.sleep(retryMs)
        await locator.refresh(topic)
      }
    }
  }

  async function fetchOnce(
    topic: string,
    partition: number,
    leader: { nodeId: number; leaderEpoch: number },
  ): Promise<boolean> {
    const key = `${topic}-${partition}`
    const from = positions.get(key)!
    const answer = await client.request(
      client.addressOf(leader.nodeId),
      Fetch,
      12,
      fetchRequest({ topic, partition, offset: from }, leader.leaderEpoch),
    )
    const told = answer.responses[0]?.partitions[0]
    if (told === undefined || told.errorCode !== errorCodes.NONE) return false
    events.saw(topic, partition, leader.leaderEpoch, told.highWatermark)
    const { highWatermark } = told
    const bytes = told.records ?? Buffer.alloc(0)
    let next = from
    for (const at of batches(bytes)) {
      for (const { offset, value } of records(bytes, at)) {
        if (offset < from) continue
        events.consumed({
          topic,
          partition,
          offset,
          value: String(value),
          crc: crc(bytes, at),
          highWatermark,
        })
      }
      next = lastOffset(bytes, at) + 1
    }
    positions.set(key, Math.max(from, next))
    return true
  }

  return {
    read(topic, partition) {
      positions.set(`${topic}-${partition}`, 0)
      void follow(topic, partition)
    },
    position: (topic, partition) => positions.get(`${topic}-${partition}`) ?? 0,
    stop() {
      isStopped = true
    },
  }
}
