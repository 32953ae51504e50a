import { batches } from '../../../transport/records/batch.ts'
import { decodeMetadataRecord } from '../../../transport/records/metadata.ts'
import { records } from '../../../transport/records/records.ts'
import { METADATA } from '../quorum-checker.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'
import type { World } from '../world.ts'

/** They may win an election, one after the other. */
const candidates = [4, 5, 5]
/** The epochs that they led. */
let reigns: number[] = []

/** What they append once they are active reaches nobody, until the last one leads. */
function dropBootstraps({ cluster }: World): void {
  const { network } = cluster
  let isLed = false
  reigns = []
  network.intercept = ({ from, to, what }) => {
    const id = candidates[reigns.length - (isLed ? 1 : 0)]!
    const { quorum, controller } = cluster.node(id).parts ?? {}
    const epoch = quorum?.rpc.leadership()?.epoch
    if (epoch !== undefined && !isLed) reigns.push(epoch)
    isLed = epoch !== undefined
    if (reigns.length === candidates.length) network.intercept = undefined
    if (what === 'Vote') return from !== id
    const isOfLeader = (what === 'Fetch.metadata' && to === id) || from === id
    return isOfLeader && what.startsWith('Fetch.metadata') && controller?.isActive() === true
  }
}

/** Types of all metadata records that a node's log holds. */
function typesIn({ cluster, checker }: Stage, nodeId: number): string[] {
  const { disk } = cluster.node(nodeId)
  const { entries } = checker.logs.view(nodeId, METADATA)!
  return entries.flatMap(({ file, position, size }) => {
    const bytes = disk.file(file)!.data.subarray(position, position + size)
    return [...batches(bytes)].flatMap((at) => {
      const isControl = (bytes[at + 22]! & 0x20) !== 0
      if (isControl) return []
      return [...records(bytes, at)].map(({ value }) => decodeMetadataRecord(value!).type)
    })
  })
}

export const scenario: Scenario = {
  lesson:
    'KAFKA-20839: the first leader is deposed before its bootstrap records are committed, and a second one ' +
    'is, too; that one leads again, with its own in its log. They stand there exactly once.',
  script: quietScript(46, { controllers: 3 }),
  prepare: dropBootstraps,
  async play(stage) {
    const rising = reigns.every((epoch, index) => index === 0 || epoch > reigns[index - 1]!)
    stage.require(reigns.length === 3 && rising, 'three led in turn', { reigns })
    await stage.within(5_000, 'it is acknowledged', stage.send(['once']))
    for (const { id } of stage.cluster.nodes) {
      const types = typesIn(stage, id)
      const begins = types.filter((type) => type === 'BeginTransactionRecord')
      const levels = types.filter((type) => type === 'FeatureLevelRecord')
      stage.require(begins.length === 1 && levels.length === 1, 'they stand there once', {
        id,
        types,
      })
    }
  },
}
