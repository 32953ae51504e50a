import type { MutableImage } from '../../../actors/metadata/create-image.ts'
import { deleteTopic } from '../asker.ts'
import { METADATA } from '../quorum-checker.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KAFKA-14203, M3: a record cannot be applied to the image of one node, whose memory is wrong. It says ' +
    'so and ends, and writes no snapshot of what it holds; as it restarts it is right again.',
  script: quietScript(63, {
    controllers: 3,
    config: { 'metadata.log.max.record.bytes.between.snapshots': '100' },
  }),
  async play(stage) {
    const { cluster } = stage
    const victim = cluster.nodes.find(
      ({ id, isController }) => isController && id !== stage.node('controller').id,
    )!
    await stage.within(9_000, 'it is created', stage.createTopic('wanted', 1))
    const knows = () => victim.parts!.loader.image().topicByName('wanted') !== undefined
    await stage.until('scenario', 'it knows the topic', 2_000, knows)
    const snapshots = () =>
      victim.disk
        .readdir(`${victim.directory}/${METADATA}`)
        .filter((name) => name.endsWith('.checkpoint')).length
    // It forgets the topic that the next record is about.
    const image = victim.parts!.loader.image() as MutableImage
    const { id: topicId } = image.topicByName('wanted')!
    image.apply({ type: 'RemoveTopicRecord', topicId })
    const before = snapshots()
    const life = victim.lives
    victim.isStricken = true
    const removed = deleteTopic(stage.client('remover'), cluster.node(1).address, 'wanted')
    const hasEnded = () => victim.end === undefined && victim.lives === life
    await stage.until('scenario', 'it ends', 3_000, hasEnded)
    stage.require(snapshots() === before, 'it writes no snapshot', { before, now: snapshots() })
    stage.require((await stage.within(9_000, 'it is answered', removed)) === 0, 'it is removed', {})
    stage.start(victim)
    const end = () => stage.node('controller').parts!.loader.image()
    const isRight = () =>
      victim.parts !== undefined && victim.parts.loader.image().offset === end().offset
    await stage.until('scenario', 'it is right again', 10_000, isRight)
  },
}
