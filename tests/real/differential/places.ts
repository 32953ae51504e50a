/** A topic of a scenario's own, and how records get there and are read again. */
import type { Request } from '../../../transport/protocol/api.ts'
import { Produce } from '../../../transport/schemas/00-produce.ts'
import { Fetch } from '../../../transport/schemas/01-fetch.ts'
import { InitProducerId } from '../../../transport/schemas/22-init-producer-id.ts'
import type { Part, Peer } from './peer.ts'
import { makeTopic } from './scenario.ts'

/** The same for both, so that what is packed has one size. */
export const now = Date.now()
export const unknownId = 'QUJDREVGR0hJSktMTU5PUA'

export type Place = { name: string; topicId: string }
export type Sent = { acks?: number; transactionalId?: string | null; index?: number }

export const produce = (peer: Peer, v: number, to: Place, records: Buffer, sent: Sent = {}) => {
  const { acks = -1, transactionalId = null, index = 0 } = sent
  return peer.ask(Produce, v, {
    transactionalId,
    acks,
    timeoutMs: 5_000,
    topicData: [{ ...to, partitionData: [{ index, records }] }],
  })
}

export const write = async (peer: Peer, to: Place, ...batches: Buffer[]) => {
  for (const records of batches) {
    const { responses } = await peer.quietly(Produce, 13, {
      acks: -1,
      transactionalId: null,
      timeoutMs: 5_000,
      topicData: [{ ...to, partitionData: [{ index: 0, records }] }],
    })
    const code = responses[0]!.partitionResponses[0]!.errorCode
    if (code !== 0) throw new Error(`${peer.name} refused a batch with ${code}`)
  }
}

export async function place(
  peer: Peer,
  name: string,
  partitions = 1,
  configs?: Record<string, string>,
) {
  return { name, topicId: await makeTopic(peer, name, partitions, configs) }
}

/** Kafka has no ids to give until its first block has come. */
export async function newProducer(peer: Peer): Promise<number> {
  for (;;) {
    const { errorCode, producerId } = await peer.quietly(InitProducerId, 4, {
      transactionalId: null,
    })
    if (errorCode === 0) return producerId
  }
}

export type FetchPart = Part<Request<typeof Fetch>>
export type Wanted = Partial<FetchPart['topics'] extends (infer T)[] | undefined ? T : never>

export const readAll = (
  peer: Peer,
  v: number,
  from: Place,
  fetchOffset = 0,
  more: FetchPart = {},
) =>
  peer.ask(Fetch, v, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 10_000_000,
    topics: [
      { ...from, topic: from.name, partitions: [{ fetchOffset, partitionMaxBytes: 1_000_000 }] },
    ],
    ...more,
  })
