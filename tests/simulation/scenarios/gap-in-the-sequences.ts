import { errorCodes } from '../../../transport/protocol/errors.ts'
import { produceTo, takeProducerId } from '../raw-produce.ts'
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
      takeProducerId(client, leader.address),
    )
    async function errorOf(baseSequence: number): Promise<number> {
      const records = [{ value: `hasty-${baseSequence}` }]
      const of = { topic: 'first', partition: 0, records }
      const batch = { ...of, producerId, producerEpoch, baseSequence }
      const sent = produceTo(client, leader.address, batch)
      return (await stage.within(5_000, 'it is answered', sent)).error
    }
    const { NONE, OUT_OF_ORDER_SEQUENCE_NUMBER: gap } = errorCodes
    const errors: number[] = []
    for (const sequence of [0, 2, 1, 2, 7]) errors.push(await errorOf(sequence))
    stage.require(errors.join() === [NONE, gap, NONE, NONE, gap].join(), 'gaps are refused', {
      errors,
    })
  },
}
