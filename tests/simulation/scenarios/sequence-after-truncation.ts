import { errorCodes } from '../../../transport/protocol/errors.ts'
import { NoAnswerError } from '../client.ts'
import { produceTo, takeProducerId } from '../raw-produce.ts'
import { quietScript, type Scenario } from '../stage.ts'

const script = quietScript(53, { controllers: 3, replicas: [1, 2, 3] })
const [topic] = script.workload.topics
const padding = 'x'.repeat(300_000)

type Restart = 'kill' | 'powerCut' | undefined

export const scenario: Scenario = {
  lesson:
    'KAFKA-5435, I1, I2: a leader that is cut off stores batches of an idempotent producer that nobody ' +
    'else gets. It cuts them, is killed or loses its power between two snapshots of producers, and leads ' +
    'again: a retry gets its offset, the next sequence is no duplicate, and a gap is one.',
  script: {
    ...script,
    workload: {
      ...script.workload,
      topics: [{ ...topic!, configs: { 'segment.bytes': '1048576' } }],
    },
  },
  async play(stage) {
    const { cluster } = stage
    const client = stage.client('careful')
    const { producerId, producerEpoch } = await stage.within(
      9_000,
      'it is given an id',
      takeProducerId(client, cluster.node(2).address),
    )
    const state = () => cluster.newestImage()!.topicByName('first')!.partition(0)!
    const preferred = cluster.node(1)
    const values = new Map<number, string>()
    let sequence = 0
    let end = 0

    function valueAt(of: number): string {
      const known = values.get(of) ?? `careful-${of}-${of % 3 === 0 ? padding : ''}`
      values.set(of, known)
      return known
    }
    /** undefined: nobody knows. */
    async function put(of: number, at = state().leader) {
      const sent = produceTo(client, cluster.node(at).address, {
        topic: 'first',
        partition: 0,
        records: [{ value: valueAt(of) }],
        producerId,
        producerEpoch,
        baseSequence: of,
      }).catch((why: unknown) => {
        if (why instanceof NoAnswerError) return undefined
        throw why
      })
      return stage.within(12_000, 'it is answered', sent)
    }
    async function stores(of: number): Promise<void> {
      const answer = await put(of)
      const isRight = answer?.error === errorCodes.NONE && answer.baseOffset === end
      stage.require(isRight, 'the next sequence is stored', { of, answer, end })
      end++
    }

    for (const restart of [undefined, 'kill', 'powerCut'] satisfies Restart[]) {
      stage.require(state().leader === preferred.id, 'the first replica leads', state())
      for (let each = 0; each < 8; each++) await stores(sequence++)
      const others = cluster.nodes.map(({ id }) => id).filter((id) => id !== preferred.id)
      stage.act({ do: 'halves', nodes: others, forMs: 20_000 })
      const lost = [put(sequence, preferred.id), put(sequence + 1, preferred.id)]
      const answers = await Promise.all(lost)
      const areLost = answers.every((answer) => answer?.error !== errorCodes.NONE)
      stage.require(areLost, 'who is cut off acknowledges nothing', { answers })
      await stage.until('scenario', 'another leads', 15_000, () => state().leader !== preferred.id)
      await stores(sequence++)
      const isIn = () => state().isr.includes(preferred.id)
      await stage.pass(12_000)
      await stage.until('L2', 'it is in the ISR again', 30_000, isIn)
      if (restart !== undefined) {
        stage.act({ do: restart, node: preferred.id, forMs: 500 })
        await stage.until('scenario', 'it leaves', 15_000, () => !isIn())
        await stage.until('L2', 'it is in the ISR again', 30_000, isIn)
        await stage.pass(1_000)
      }
      stage.act({ do: 'electLeader', topic: 'first', partition: 0 })
      await stage.until('scenario', 'it leads again', 9_000, () => state().leader === preferred.id)
      for (let back = 1; back <= 5; back++) {
        const again = await put(sequence - back)
        const isSame = again?.error === errorCodes.NONE && again.baseOffset === end - back
        stage.require(isSame, 'a retry gets its offset', { restart, again, end, back })
      }
      await stores(sequence++)
      const gap = await put(sequence + 2)
      const isGap = gap?.error === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER
      stage.require(isGap, 'a gap is refused', { restart, gap })
    }
  },
}
