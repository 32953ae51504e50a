/**
 * A producer that goes on with an old epoch after another one with its id has a newer (I3), and one that
 * sends what is out of order (I2); then one whose sequences begin anew behind the last there is.
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import type { Foe } from './foe.ts'
import { createLocator } from './locator.ts'
import type { ProducerChecker } from './producer-checker.ts'
import { produceTo, takeProducerId } from './raw-produce.ts'
import { must } from './violation.ts'

const lastSequence = 2 ** 31 - 1

/** @param rest between two attempts of the zombie, so that leaders change meanwhile */
export async function sendAsZombie(
  foe: Foe,
  checker: Pick<ProducerChecker, 'given'>,
  rest: () => Promise<void>,
): Promise<void> {
  const { client, topic, partition } = foe
  const locator = createLocator(client)
  let attempts = 0
  let offset = -1

  async function takeId(): Promise<number> {
    let producerId = -1
    await foe.accepted(async () => {
      const answer = await takeProducerId(client, client.anyAddress())
      producerId = answer.producerId
      return answer.errorCode
    })
    checker.given(producerId, { acks: -1, topic, topicId: undefined, partition })
    return producerId
  }

  /** One batch of two records, whose values are those of its first sending. */
  function batch(producerId: number, producerEpoch: number, baseSequence: number) {
    const name = `${client.name}-${attempts++}`
    const records = [{ value: `${name}.0` }, { value: `${name}.1` }]
    const of = { topic, partition, records, producerId, producerEpoch, baseSequence }
    return async (): Promise<number> => {
      const leader = locator.leader(topic, partition)
      if (leader === undefined) {
        await locator.refresh(topic)
        return errorCodes.NOT_LEADER_OR_FOLLOWER
      }
      const answer = await produceTo(client, client.addressOf(leader.nodeId), of).finally(
        () => void locator.refresh(topic),
      )
      if (answer.error === errorCodes.NONE) offset = answer.baseOffset
      return answer.error
    }
  }

  const producerId = await takeId()
  const former = batch(producerId, 0, 0)
  await foe.accepted(former)
  const successor = batch(producerId, 1, 0)
  await foe.accepted(successor)
  const stored = offset
  for (const isRetry of [true, false]) {
    const old = isRetry ? former : batch(producerId, 0, 2)
    await foe.refused('I3', 'an older producer epoch', ['INVALID_PRODUCER_EPOCH'], old)
    await rest()
  }
  const outOfOrder = ['OUT_OF_ORDER_SEQUENCE_NUMBER'] as const
  await foe.refused('I2', 'a gap in the sequences', outOfOrder, batch(producerId, 1, 7))
  await foe.refused('I2', 'an epoch that begins amid', outOfOrder, batch(producerId, 2, 2))
  await foe.accepted(successor)
  must(offset === stored, 'I1', 'a retry gets the original offset', () => ({ offset, stored }))
  await rest()
  await foe.refused('I3', 'an older producer epoch', ['INVALID_PRODUCER_EPOCH'], former)

  const wrapping = await takeId()
  for (const sequence of [lastSequence - 2, lastSequence, 1]) {
    await foe.accepted(batch(wrapping, 0, sequence))
  }
  await foe.refused('I2', 'a gap in the sequences', outOfOrder, batch(wrapping, 0, 4))
}
