import { NoAnswerError } from '../client.ts'
import { quietScript, type Scenario } from '../stage.ts'

const kills = 200
/** The storm goes on until so many topics stand in it, for twice the kills at most. */
const topics = 20

export const scenario: Scenario = {
  lesson:
    'nats-server #6888: 200 nodes are killed while topics are created: each topic whose creation ' +
    'was acknowledged is there in the end, on every node.',
  script: quietScript(18),
  async play(stage) {
    const { cluster, scheduler, random } = stage
    const acknowledged: string[] = []
    const chance = random.fork('storm')
    let isOn = true
    let names = 0
    const create = async () => {
      while (isOn) {
        const name = `storm-${names++}`
        try {
          if (await stage.createTopic(name, 1)) acknowledged.push(name)
        } catch (why) {
          if (!(why instanceof NoAnswerError)) throw why
        }
        await new Promise<void>((done) => void scheduler.after(500, done))
      }
    }
    create().catch(stage.fail)
    let killed = 0
    const isEnough = () => acknowledged.length >= topics || killed >= 2 * kills
    while (killed < kills || !isEnough()) {
      await stage.pass(chance.between(50, 500))
      const node = chance.pick(cluster.nodes)
      if (node.end === undefined) continue
      stage.act({ do: 'kill', node: node.id, forMs: chance.between(10, 400) })
      killed++
    }
    isOn = false
    await stage.pass(30_000)
    stage.require(acknowledged.length >= topics, 'some are acknowledged', {
      of: names,
      acknowledged: acknowledged.length,
    })
    stage.trace.note('acknowledged', { topics: acknowledged.length, asked: names })
    for (const { id, parts } of cluster.nodes) {
      const missing = acknowledged.filter(
        (name) => parts?.loader.image().topicByName(name) === undefined,
      )
      stage.require(missing.length === 0, 'each acknowledged topic exists', { id, missing })
    }
  },
}
