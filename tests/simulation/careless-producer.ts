/** A producer that wants no answer (acks=0): each batch is sent once, to whom it takes for the leader. */
import { encodeBatch } from '../../transport/records/records.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { type Client, NO_TOPIC_ID } from './client.ts'
import { createLocator } from './locator.ts'
import type { Outcome, Producer, SendTo } from './producer.ts'

export function createCarelessProducer(client: Client): Producer {
  const locator = createLocator(client)
  const { machine } = client
  let inFlight = 0

  async function deliver({ topic, partition, keyOf }: SendTo, values: string[]): Promise<Outcome> {
    if (locator.leader(topic, partition) === undefined) await locator.refresh(topic)
    const leader = locator.leader(topic, partition)
    if (leader === undefined) return { acked: false, why: 'no leader is known' }
    const timestamp = machine.now()
    const records = encodeBatch({
      baseOffset: 0,
      leaderEpoch: -1,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      records: values.map((value) => ({
        key: keyOf === undefined ? null : Buffer.from(keyOf(value)),
        value: Buffer.from(value),
        timestamp,
      })),
    })
    client.tell(client.addressOf(leader.nodeId), Produce, 11, {
      transactionalId: null,
      acks: 0,
      timeoutMs: 5_000,
      topicData: [
        { name: topic, topicId: NO_TOPIC_ID, partitionData: [{ index: partition, records }] },
      ],
    })
    // Nobody says that it was the wrong one.
    void locator.refresh(topic)
    return { acked: false, why: 'nobody was asked' }
  }

  return {
    send(to, values) {
      inFlight++
      return deliver(to, values).finally(() => inFlight--)
    },
    inFlight: () => inFlight,
    forget() {},
    stop() {},
  }
}
