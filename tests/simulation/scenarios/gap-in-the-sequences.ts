import { errorCodes } from '../../../transport/protocol/errors.ts'
import { encodeBatch } from '../../../transport/records/records.ts'
import { Produce } from '../../../transport/schemas/00-produce.ts'
import { InitProducerId } from '../../../transport/schemas/22-init-producer-id.ts'
import { NO_TOPIC_ID } from '../client.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'I2: of a producer whose batches come out of order none is stored behind a gap: it is told ' +
    'OUT_OF_ORDER_SEQUENCE_NUMBER, and may close the gap and go on.',
  script: quietScript(35),
  async play(stage) {
    const leader = stage.node('leader of first-0')
    const client = stage.client('hasty')
    const { producerId, producerEpoch } = await stage.within(
      9_000,
      'it is given an id',
      client.request(leader.address, InitProducerId, 4, {
        transactionalId: null,
        transactionTimeoutMs: 60_000,
        producerId: -1,
        producerEpoch: -1,
        enable2Pc: false,
        keepPreparedTxn: false,
      }),
    )
    async function errorOf(baseSequence: number): Promise<number> {
      const records = encodeBatch({
        baseOffset: 0,
        leaderEpoch: -1,
        producerId,
        producerEpoch,
        baseSequence,
        records: [{ key: null, value: Buffer.from(`hasty-${baseSequence}`), timestamp: 0 }],
      })
      const topicData = [
        { name: 'first', topicId: NO_TOPIC_ID, partitionData: [{ index: 0, records }] },
      ]
      const sent = client.request(leader.address, Produce, 11, {
        transactionalId: null,
        acks: -1,
        timeoutMs: 3_000,
        topicData,
      })
      const { responses } = await stage.within(5_000, 'it is answered', sent)
      return responses[0]!.partitionResponses[0]!.errorCode
    }
    const { NONE, OUT_OF_ORDER_SEQUENCE_NUMBER: gap } = errorCodes
    const errors: number[] = []
    for (const sequence of [0, 2, 1, 2, 7]) errors.push(await errorOf(sequence))
    stage.require(errors.join() === [NONE, gap, NONE, NONE, gap].join(), 'gaps are refused', {
      errors,
    })
  },
}
