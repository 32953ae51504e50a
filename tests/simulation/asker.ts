/**
 * Single requests of clients that know no better: to whom a scenario says, about what it says, however
 * the answer turns out. What they do is nothing that the checker counts.
 */
import type { Response } from '../../transport/protocol/api.ts'
import { batches } from '../../transport/records/batch.ts'
import { encodeBatch, records } from '../../transport/records/records.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { ListOffsets } from '../../transport/schemas/02-list-offsets.ts'
import { DeleteTopics } from '../../transport/schemas/20-delete-topics.ts'
import { type Client, NO_TOPIC_ID } from './client.ts'
import { fetchRequest } from './consumer.ts'

export type Place = { address: string; topic: string; partition?: number }

export type Fetched = {
  errorCode: number
  highWatermark: number
  records: { offset: number; value: string }[]
}

/** Values without a producer id, as one batch. @throws NoAnswerError */
export async function produceTo(
  client: Client,
  { address, topic, partition = 0 }: Place,
  values: readonly string[],
  acks: -1 | 1 = -1,
): Promise<{ errorCode: number; baseOffset: number }> {
  const batch = encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    records: values.map((value) => ({
      key: null,
      value: Buffer.from(value),
      timestamp: client.machine.now(),
    })),
  })
  const partitionData = [{ index: partition, records: batch }]
  const topicData = [{ name: topic, topicId: NO_TOPIC_ID, partitionData }]
  const message = { transactionalId: null, acks, timeoutMs: 3_000, topicData }
  const answer = await client.request(address, Produce, 11, message, 8_000)
  return answer.responses[0]!.partitionResponses[0]!
}

/** @throws NoAnswerError */
export async function fetchFrom(
  client: Client,
  { address, topic, partition = 0 }: Place,
  offset: number,
  { leaderEpoch = -1, rackId = '' } = {},
): Promise<Fetched> {
  const request = { ...fetchRequest({ topic, partition, offset }, leaderEpoch), rackId }
  const answer = await client.request(address, Fetch, 12, request)
  return read(answer.responses[0]!.partitions[0]!)
}

type Data = Response<typeof Fetch>['responses'][number]['partitions'][number]

function read({ errorCode, highWatermark, records: bytes }: Data): Fetched {
  const batch = bytes ?? Buffer.alloc(0)
  const found = [...batches(batch)].flatMap((at) =>
    [...records(batch, at)].map(({ offset, value }) => ({ offset, value: String(value) })),
  )
  return { errorCode, highWatermark, records: found }
}

/** The latest offset that a consumer may know of. @throws NoAnswerError */
export async function latestOffsetAt(
  client: Client,
  { address, topic, partition = 0 }: Place,
): Promise<{ errorCode: number; offset: number }> {
  const wanted = { partitionIndex: partition, currentLeaderEpoch: -1, timestamp: -1 }
  const answer = await client.request(address, ListOffsets, 7, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: topic, partitions: [wanted] }],
    timeoutMs: 0,
  })
  return answer.topics[0]!.partitions[0]!
}

/** @returns its error. @throws NoAnswerError */
export async function deleteTopic(client: Client, address: string, name: string): Promise<number> {
  const request = { topics: [{ name, topicId: NO_TOPIC_ID }], topicNames: [], timeoutMs: 5_000 }
  const { responses } = await client.request(address, DeleteTopics, 6, request)
  return responses[0]!.errorCode
}
