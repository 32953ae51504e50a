import { DiskError } from '../disk.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

type Kind = { operation: 'read' | 'write' | 'sync'; code: string }

const kinds: Kind[] = [
  { operation: 'write', code: 'ENOSPC' },
  { operation: 'write', code: 'EIO' },
  { operation: 'sync', code: 'EIO' },
]

/** The next such call for the partition fails, and none after it. */
async function failOnce(stage: Stage, { operation, code }: Kind): Promise<void> {
  const node = stage.node('leader of first-0')
  const { disk, end } = node
  let failed = 0
  disk.faults.check = (called, path) => {
    if (failed > 0 || called !== operation || !path.includes('/first-0/')) return
    failed++
    node.isStricken = true
    throw new DiskError(code, path)
  }
  const sending = stage.keepSending(50)
  // What is appended is not synced by itself: a roll does that.
  const bytes = 'x'.repeat(300_000)
  for (let batch = 0; batch < 4; batch++)
    void stage.send([`${operation}-${code}-${batch}-${bytes}`])
  const isOver = () => failed === 1 && node.end !== end
  const rule = operation === 'sync' ? 'S6' : 'S8'
  await stage.until(rule, 'a node whose only disk failed once stops', 10_000, isOver)
  disk.faults.check = () => {}
  await stage.pass(12_000)
  const before = sending.acked()
  await stage.pass(2_000)
  sending.stop()
  stage.require(sending.acked() >= before + 30, 'the others go on', { acked: sending.acked() })
  stage.cluster.start(node)
  await stage.until('L1', 'it is back', 20_000, () => stage.isUnfenced(node))
  await stage.pass(5_000)
}

const script = quietScript(47, { controllers: 3 })

export const scenario: Scenario = {
  lesson:
    'nats-server #8386, S6, S8: a write or a sync fails once, and the next one would succeed: its node ' +
    'stops all the same, the others go on. A batch that is too large harms nobody. Nothing ' +
    'acknowledged is lost.',
  script: {
    ...script,
    workload: {
      ...script.workload,
      topics: [{ name: 'first', partitions: 1, configs: { 'segment.bytes': '1048576' } }],
    },
  },
  async play(stage) {
    const oversize = stage.send(['x'.repeat(1_100_000)])
    const refused = await stage.within(10_000, 'a batch that is too large is answered', oversize)
    stage.require(!refused.acked && refused.why === 'MESSAGE_TOO_LARGE', 'and refused', refused)
    const { acked } = await stage.within(5_000, 'the next one is answered', stage.send(['small']))
    stage.require(acked, 'and taken')
    for (const kind of kinds) await failOnce(stage, kind)
  },
}
