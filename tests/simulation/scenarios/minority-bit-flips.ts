import type { SimNode } from '../cluster.ts'
import { METADATA } from '../quorum-checker.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

const voters = [4, 5, 6, 7, 8]

/** One bit of a batch in the middle of what it holds; it does not run. */
function damage(stage: Stage, node: SimNode, log: string): void {
  const entries = stage.entries(node, log)
  const { file, position, size } = entries[Math.floor(entries.length / 2)]!
  node.disk.flip(file, position + size - 4, 3)
  stage.checker.lost(node.id)
}

export const scenario: Scenario = {
  lesson:
    'nats-server #7549: logs are damaged on two of five voters and on one of three replicas, then all ' +
    'nodes restart in turn. What is damaged neither votes nor counts until it was fetched again.',
  script: quietScript(62, { controllers: 5 }),
  async play(stage) {
    const { cluster } = stage
    const topics = Array.from({ length: 6 }, (_, index) => `kept-${index}`)
    for (const topic of topics) {
      const created = await stage.within(9_000, 'it is created', stage.createTopic(topic, 1))
      stage.require(created, 'it is acknowledged', { topic })
    }
    for (let index = 0; index < 10; index++) {
      await stage.within(5_000, 'it is acknowledged', stage.send([`kept-${index}`]))
    }
    await stage.pass(1_000)
    // The last one is on the leader and on the two that are to be damaged.
    const leader = stage.node('controller')
    const others = voters.filter((id) => id !== leader.id).map((id) => cluster.node(id))
    const [damaged, behind] = [others.slice(0, 2), others.slice(2)]
    stage.intercept(
      ({ to, what }) => what === 'Fetch.metadata answer' && behind.some(({ id }) => id === to),
    )
    topics.push('kept-by-three')
    const last = stage.within(9_000, 'it is created', stage.createTopic('kept-by-three', 1))
    stage.require(await last, 'it is acknowledged', {})
    cluster.kill(leader)
    const ends = damaged.map((node) => stage.entries(node, METADATA).length)
    for (const node of damaged) {
      cluster.kill(node)
      damage(stage, node, METADATA)
    }
    stage.intercept(() => false)
    for (const node of damaged) cluster.start(node)
    const isSuspect = ({ running, parts }: SimNode) =>
      running !== undefined && parts!.quorum.rpc.replica.log.isSuspect()
    await stage.pass(15_000)
    stage.require(damaged.every(isSuspect), 'both damages are found', {})
    stage.require(stage.ledEpoch() < 0, 'nobody leads: one that has all is missing', {})
    cluster.start(leader)
    const knowAll = () =>
      cluster.nodes.every(({ parts }) =>
        topics.every((name) => parts?.loader.image().topicByName(name) !== undefined),
      )
    await stage.until('scenario', 'all know all', 20_000, knowAll)
    const restart = async (id: number) => {
      stage.act({ do: 'kill', node: id, forMs: 500 })
      await stage.pass(600)
      const leads = () => stage.ledEpoch() >= 0 && cluster.node(id).running !== undefined
      await stage.until('scenario', 'it is back, and somebody leads', 12_000, leads)
    }
    for (const id of voters) await restart(id)
    await stage.until('scenario', 'all know all', 20_000, knowAll)
    const isWhole = () =>
      damaged.every((node, at) => {
        const { log } = node.parts!.quorum.rpc.replica
        return !log.isSuspect() && stage.entries(node, METADATA).length > ends[at]!
      })
    await stage.until('scenario', 'they are fetched again', 10_000, isWhole)

    const [replica] = stage
      .partition()
      .isr.map((id) => cluster.node(id))
      .slice(1)
    cluster.kill(replica!)
    damage(stage, replica!, 'first-0')
    cluster.start(replica!)
    for (const id of [1, 2, 3]) {
      const areIn = () => stage.partition().isr.length === 3
      await stage.until('scenario', 'all are in sync', 30_000, areIn)
      await stage.pass(1_000)
      stage.act({ do: 'kill', node: id, forMs: 1_000 })
      const isOut = () => stage.partition().isr.length < 3
      await stage.until('scenario', 'it is missed', 12_000, isOut)
    }
    const held = () => [1, 2, 3].map((id) => stage.entries(cluster.node(id)).length)
    const areEqual = () => new Set(held()).size === 1 && held()[0]! >= 10
    await stage.until('scenario', 'each replica holds all', 30_000, areEqual)
  },
}
