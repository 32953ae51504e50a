import { METADATA } from '../quorum-checker.ts'
import { cutMetadata, quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KAFKA-14238, R16: the metadata log is cut into tiny segments, and snapshots are written while more comes ' +
    'in and leaders change. It is cut where a whole snapshot ends, and who is behind is given that.',
  script: quietScript(60, { controllers: 3, config: cutMetadata }),
  async play(stage) {
    const { cluster } = stage
    const names: string[] = []
    const create = async (name: string) => {
      const isCreated = await stage.within(20_000, 'it is answered', stage.createTopic(name, 3))
      if (isCreated) names.push(name)
    }
    for (let round = 0; round < 6; round++) {
      const behind = 4 + (round % 3)
      stage.act({ do: 'kill', node: behind, forMs: 2_500 })
      // A snapshot takes many turns; each waits for this disk.
      stage.act({ do: 'slowSync', node: 4 + ((round + 1) % 3), syncMs: 20, forMs: 4_000 })
      for (let index = 0; index < 5; index++) {
        const leads = () => stage.ledEpoch() >= 0
        await stage.until('scenario', 'somebody leads', 12_000, leads)
        await create(`round-${round}-${index}`)
      }
      const isBack = () => cluster.node(behind).parts !== undefined
      await stage.until('scenario', 'it is back', 12_000, isBack)
      await stage.pass(3_000)
    }
    const counts: number[] = []
    for (const { id, parts, disk, directory } of cluster.nodes) {
      const { log } = parts!.quorum.rpc.replica
      const start = log.startOffset()
      stage.require(start > 0, 'its log was cut', { id, start })
      const files = disk.readdir(`${directory}/${METADATA}`)
      const segments = files
        .filter((name) => name.endsWith('.log'))
        .map((name) => parseInt(name, 10))
      counts.push(segments.length)
      stage.require(
        // The one that was being written when the log was cut may have been rolled since.
        segments.filter((base) => base < start).length <= 1,
        'what is wholly before its start is gone',
        { id, start, segments },
      )
      const image = parts!.loader.image()
      const missing = names.filter((name) => image.topicByName(name) === undefined)
      stage.require(missing.length === 0, 'it knows all that was acknowledged', { id, missing })
    }
    stage.require(Math.max(...counts) > 1, 'it has segments', { counts })
    stage.require(names.length >= 20, 'most are created', { names })
  },
}
