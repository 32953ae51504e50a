import { fetchFrom } from '../asker.ts'
import { quietScript, type Scenario } from '../stage.ts'
import { make, remove, write } from '../topic-lives.ts'

export const scenario: Scenario = {
  lesson:
    'P17: a topic is deleted and made again while one of its two brokers is down, and the other crashes ' +
    'before it writes its checkpoints. What they say of the old log is not held for said of the new one, ' +
    'which would seem damaged: it is whole, leads, and serves what it was given.',
  script: quietScript(52, { controllers: 3, config: { 'min.insync.replicas': '1' } }),
  async play(stage) {
    const { cluster } = stage
    const [owner, other] = [cluster.node(1), cluster.node(2)]
    const restart = async (how: 'stop' | 'kill') => {
      const { parts } = owner
      stage.act({ do: how, node: owner.id, forMs: 3_000 })
      const isBack = () => owner.parts !== parts && stage.isUnfenced(owner)
      await stage.until('scenario', 'it is back', 40_000, isBack)
    }
    await make(stage, 'again', [owner.id, other.id])
    await write(stage, 'again', ['old-0', 'old-1', 'old-2', 'old-3'])
    await restart('stop')
    const leads = () => stage.partition('again').leader === owner.id
    const areInSync = () => stage.partition('again').isr.length === 2
    await stage.until('scenario', 'both are in sync', 12_000, areInSync)
    stage.act({ do: 'kill', node: other.id, forMs: 30_000 })
    const isAlone = () => stage.partition('again').isr.join() === `${owner.id}`
    await stage.until('scenario', 'it is alone in the ISR', 12_000, isAlone)
    await remove(stage, 'again')
    await make(stage, 'again', [owner.id, other.id])
    await write(stage, 'again', ['new-0'])
    await restart('kill')
    await stage.until('L2', 'it leads again', 12_000, leads)
    const place = { address: owner.address, topic: 'again' }
    const asked = fetchFrom(stage.client('reader'), place, 0)
    const { records, errorCode } = await stage.within(5_000, 'a fetch is answered', asked)
    const served = records.map(({ value }) => value)
    const isWhole = served.length === 1 && served[0] === 'new-0'
    stage.require(isWhole, 'it serves what it was given', { served, errorCode })
  },
}
