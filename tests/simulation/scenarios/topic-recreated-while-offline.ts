import { errorCodes } from '../../../transport/protocol/errors.ts'
import { deleteTopic, fetchFrom, produceTo } from '../asker.ts'
import { createTopic } from '../client.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

/** Until it is taken: a leader may not know yet that it is one. */
async function write(stage: Stage, topic: string, values: string[]): Promise<void> {
  const asker = stage.client(`writer of ${values[0]}`)
  for (const value of values) {
    let errorCode = -1
    for (let tries = 0; errorCode !== errorCodes.NONE && tries < 50; tries++) {
      const { address } = stage.node(`leader of ${topic}-0`)
      const sent = produceTo(asker, { address, topic }, [value])
      errorCode = (await stage.within(9_000, 'a record is answered', sent)).errorCode
      if (errorCode !== errorCodes.NONE) await stage.pass(100)
    }
    stage.require(errorCode === errorCodes.NONE, 'a record is taken', { topic, errorCode })
  }
}

async function remove(stage: Stage, name: string): Promise<void> {
  const asked = deleteTopic(stage.client('remover'), stage.cluster.node(1).address, name)
  const errorCode = await stage.within(9_000, 'the removal is answered', asked)
  stage.require(errorCode === errorCodes.NONE, 'it is removed', { name, errorCode })
}

async function make(stage: Stage, name: string, replicas: number[]): Promise<void> {
  const topic = { name, partitions: 1, replicationFactor: -1, configs: {}, replicas: [replicas] }
  const asked = createTopic(stage.client('maker'), topic, 20_000)
  stage.require(await stage.within(30_000, 'it is created', asked), 'it is created', { name })
}

export const scenario: Scenario = {
  lesson:
    'KAFKA-14616, P17: a topic is deleted and made again while one of its brokers is down. That one ' +
    'comes back with the old log, given the new topic or not: no old byte is served or kept under it.',
  script: quietScript(44, { controllers: 3, config: { 'min.insync.replicas': '1' } }),
  async play(stage) {
    const { cluster, checker } = stage
    const [, other, away] = [1, 2, 3].map((id) => cluster.node(id))
    const old = Array.from({ length: 8 }, (_, index) => `old-${index}`)
    const topics = { unassigned: [1, 2], assigned: [3, 1, 2] }
    for (const topic of Object.keys(topics)) {
      await make(stage, topic, [3, 1, 2])
      await write(stage, topic, old)
    }
    await stage.pass(6_000)
    stage.act({ do: 'kill', node: away!.id, forMs: 40_000 })
    for (const [topic, replicas] of Object.entries(topics)) {
      const { leader } = stage.partition(topic)
      const moved = () => stage.partition(topic).leader !== away!.id
      await stage.until('scenario', 'another one leads', 12_000, moved, () => ({ leader }))
      await remove(stage, topic)
      await make(stage, topic, replicas)
      await write(stage, topic, ['new-0', 'new-1', 'new-2'])
    }
    const isBack = () => stage.isUnfenced(away!) && stage.partition('assigned').isr.includes(3)
    await stage.until('scenario', 'it is back and in sync', 60_000, isBack)
    // Now it has to serve what it holds.
    stage.act({ do: 'kill', node: 1, forMs: 30_000 })
    stage.act({ do: 'kill', node: other!.id, forMs: 30_000 })
    const leads = () => stage.partition('assigned').leader === away!.id
    await stage.until('scenario', 'it leads', 12_000, leads)
    const asker = stage.client('reader')
    const { address } = away!
    for (const topic of Object.keys(topics)) {
      for (let offset = 0; offset < old.length; offset++) {
        const asked = fetchFrom(asker, { address, topic }, offset)
        const { records, errorCode } = await stage.within(5_000, 'a fetch is answered', asked)
        const served = records.map(({ value }) => value)
        const isNew = served.every((value) => value.startsWith('new-'))
        stage.require(isNew, 'no old byte is served', { topic, offset, served, errorCode })
        const isThere = topic === 'assigned' && offset < 3
        stage.require(served.length > 0 === isThere, 'what is new is served by who has it', {
          topic,
          offset,
          served,
        })
      }
    }
    const held = checker.logs.view(away!.id, 'unassigned-0')
    stage.require(held === undefined, 'what it is not given is set aside', { held })
    await stage.pass(30_000)
  },
}
