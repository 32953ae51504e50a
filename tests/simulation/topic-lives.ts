/** A topic's lives, as a scenario asks for them: made, written to, removed, made again. */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { deleteTopic, produceTo } from './asker.ts'
import { createTopic } from './client.ts'
import type { Stage } from './stage.ts'

/** Until it is taken: a leader may not know yet that it is one. */
export async function write(stage: Stage, topic: string, values: string[]): Promise<void> {
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

export async function remove(
  stage: Stage,
  name: string,
  by = stage.cluster.node(1),
): Promise<void> {
  const asked = deleteTopic(stage.client('remover'), by.address, name)
  const errorCode = await stage.within(9_000, 'the removal is answered', asked)
  stage.require(errorCode === errorCodes.NONE, 'it is removed', { name, errorCode })
}

export async function make(stage: Stage, name: string, replicas: number[]): Promise<void> {
  const topic = { name, partitions: 1, replicationFactor: -1, configs: {}, replicas: [replicas] }
  const asked = createTopic(stage.client('maker'), topic, 20_000)
  stage.require(await stage.within(30_000, 'it is created', asked), 'it is created', { name })
}
