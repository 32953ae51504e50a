/** A producer's requests by hand: each to one broker, once, whatever it answers. */
import { encodeBatch, type NewRecord } from '../../transport/records/records.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { InitProducerId } from '../../transport/schemas/22-init-producer-id.ts'
import { type Client, NO_TOPIC_ID } from './client.ts'

export type RawBatch = {
  topic: string
  partition: number
  records: { key?: string; value: string | null }[]
  producerId?: number
  producerEpoch?: number
  baseSequence?: number
  acks?: -1 | 1
}

const timeoutMs = 3_000

/** An idempotent producer's id. */
export const takeProducerId = (client: Client, address: string) =>
  client.request(address, InitProducerId, 4, {
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    producerId: -1,
    producerEpoch: -1,
    enable2Pc: false,
    keepPreparedTxn: false,
  })

/** @returns what the broker said of the batch */
export async function produceTo(
  client: Client,
  address: string,
  batch: RawBatch,
): Promise<{ error: number; baseOffset: number }> {
  const { topic, partition, acks = -1 } = batch
  const { producerId = -1, producerEpoch = -1, baseSequence = -1 } = batch
  const bytesOf = (text: string | null | undefined) => (text == null ? null : Buffer.from(text))
  const records = batch.records.map(
    ({ key, value }): NewRecord => ({
      key: bytesOf(key),
      value: bytesOf(value),
      timestamp: client.machine.now(),
    }),
  )
  const bytes = encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    producerId,
    producerEpoch,
    baseSequence,
    records,
  })
  const topicData = [
    { name: topic, topicId: NO_TOPIC_ID, partitionData: [{ index: partition, records: bytes }] },
  ]
  const message = { transactionalId: null, acks, timeoutMs, topicData }
  const { responses } = await client.request(address, Produce, 11, message, timeoutMs + 5_000)
  const { errorCode: error, baseOffset } = responses[0]!.partitionResponses[0]!
  return { error, baseOffset }
}
