import type { SimNode } from '../cluster.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

const script = quietScript(54, { controllers: 3, replicas: [1, 2, 3] })
script.workload.topics[0]!.configs = { 'flush.messages': '1' }

/** The leader has most, the next follower less, the last one least. */
async function makeUnequal(stage: Stage, brokers: SimNode[], label: string): Promise<void> {
  const leader = stage.node('leader of first-0')
  const [second, third] = brokers.filter(({ id }) => id !== leader.id)
  const sent = (value: string) => void stage.send([value]).catch(stage.fail)
  const held = new Set([third!.id])
  stage.intercept(
    ({ from, to, what }) => what === 'Fetch answer' && from === leader.id && held.has(to),
  )
  const ends = () => brokers.map((node) => stage.entries(node).at(-1)?.last ?? -1)
  const endOf = (node: SimNode) => ends()[brokers.indexOf(node)]!
  const before = endOf(leader)
  sent(`${label}-two`)
  const isOnTwo = () => endOf(second!) > before
  await stage.until('scenario', 'a record is on two', 5_000, isOnTwo)
  held.add(second!.id)
  sent(`${label}-one`)
  const isOnOne = () => endOf(leader) > endOf(second!)
  await stage.until('scenario', 'another one on one', 5_000, isOnOne)
  stage.require(new Set(ends()).size === 3, 'three unequal tails', { ends: ends() })
}

export const scenario: Scenario = {
  lesson:
    'KIP-966, without eligible leader replicas: all brokers lose their power with unequal tails. In ' +
    'whichever order they return, the last of the ISR leads, and until it is there nobody does.',
  script,
  async play(stage) {
    const { cluster } = stage
    const brokers = [1, 2, 3].map((id) => cluster.node(id))
    const orders = [
      [1, 2, 3],
      [2, 3, 1],
      [3, 1, 2],
      [3, 2, 1],
    ]
    for (const [round, order] of orders.entries()) {
      await stage.within(30_000, 'it is acknowledged', stage.send([`${round}-acknowledged`]))
      const isWhole = () => stage.partition().isr.length === 3
      await stage.until('scenario', 'all are in sync', 20_000, isWhole)
      await stage.pass(500)
      await makeUnequal(stage, brokers, `${round}`)
      for (const node of brokers) stage.cutPower(node, 'kept')
      stage.intercept(() => false)
      const isDark = () => stage.partition().leader < 0 && stage.partition().isr.length === 1
      await stage.until('scenario', 'nobody leads', 15_000, isDark)
      const [last] = stage.partition().isr
      for (const id of order) {
        stage.start(cluster.node(id))
        await stage.pass(3_000)
        const { leader } = stage.partition()
        const isBack = cluster.node(last!).end !== undefined
        stage.require(isBack ? leader === last : leader < 0, 'the last of the ISR leads', {
          order,
          id,
          last,
          leader,
        })
      }
    }
  },
}
