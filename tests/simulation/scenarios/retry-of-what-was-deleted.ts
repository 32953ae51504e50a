import { errorCodes } from '../../../transport/protocol/errors.ts'
import { produceTo, takeProducerId } from '../raw-produce.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'I1, O6: all records are deleted, a replica with a new disk begins behind them and comes to lead. It ' +
    'does not know who wrote them, so it takes the retry of the last one for new, as Kafka does, and ' +
    'the replicas that do know store what their leader has.',
  script: quietScript(55, { controllers: 3, replicas: [3, 1, 2] }),
  async play(stage) {
    const { cluster } = stage
    const fresh = cluster.node(3)
    const client = stage.client('careful')
    const idGiven = takeProducerId(client, cluster.node(1).address)
    const { producerId, producerEpoch } = await stage.within(9_000, 'it is given an id', idGiven)
    const state = () => stage.partition()
    const put = (sequence: number) => {
      const sent = produceTo(client, cluster.node(state().leader).address, {
        topic: 'first',
        partition: 0,
        records: [{ value: `careful-${sequence}` }],
        producerId,
        producerEpoch,
        baseSequence: sequence,
      })
      return stage.within(12_000, 'it is answered', sent)
    }
    const stores = async (sequence: number, offset: number) => {
      const answer = await put(sequence)
      const isRight = answer.error === errorCodes.NONE && answer.baseOffset === offset
      stage.require(isRight, 'it is stored', { sequence, offset, answer })
    }
    for (let each = 0; each < 5; each++) await stores(each, each)
    await stage.pass(1_000)
    stage.act({ do: 'deleteRecords', topic: 'first', partition: 0, share: 1 })
    const start = () => stage.row(cluster.node(1)).log?.startOffset()
    await stage.until('scenario', 'all are deleted', 9_000, () => start() === 5)
    cluster.kill(fresh)
    cluster.wipe(fresh)
    stage.checker.lost(fresh.id)
    await stage.until('scenario', 'another leads', 15_000, () => state().leader !== fresh.id)
    cluster.start(fresh)
    const isIn = () => state().isr.includes(fresh.id) && state().isr.length === 3
    await stage.until('L2', 'it is in the ISR again', 40_000, isIn)
    stage.act({ do: 'electLeader', topic: 'first', partition: 0 })
    await stage.until('scenario', 'it leads again', 9_000, () => state().leader === fresh.id)
    await stores(4, 5)
    await stores(5, 6)
    const ends = () => [1, 2, 3].map((id) => stage.entries(cluster.node(id)).at(-1)?.last)
    const areEqual = () => ends().every((last) => last === 6)
    await stage.until('scenario', 'each replica holds both', 9_000, areEqual)
  },
}
