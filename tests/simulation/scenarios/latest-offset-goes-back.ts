import { errorCodes } from '../../../transport/protocol/errors.ts'
import { latestOffsetAt } from '../asker.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KIP-207: a leader whose high watermark lags behind the one of its predecessor does not tell its ' +
    'latest offset: OFFSET_NOT_AVAILABLE until it is no smaller than what was told before.',
  script: quietScript(50, { controllers: 3 }),
  async play(stage) {
    const { cluster } = stage
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    const former = stage.node('leader of first-0')
    const [heir, other] = stage.partition().isr.filter((id) => id !== former.id)
    await stage.pass(1_000)
    const bytesSeen = stage.row(cluster.node(heir!)).highWatermark
    // What a follower hears of is records, not yet that they are committed.
    let isHeard = false
    stage.intercept(({ from, to, what }) => {
      const isAnswer = what === 'Fetch answer' && from === former.id
      if (!isAnswer || to === other) return what === 'Fetch' && from === other && to === heir
      const isHeld = isHeard
      isHeard = isHeard || stage.entries(former).length === 2
      return isHeld
    })
    await stage.within(5_000, 'it is acknowledged', stage.send(['after']))
    const asker = stage.client('asker')
    const ask = (address: string) =>
      stage.within(5_000, 'it answers', latestOffsetAt(asker, { address, topic: 'first' }))
    const before = await ask(former.address)
    stage.require(before.offset === 2, 'the latest offset is told', before)
    const { highWatermark } = stage.row(cluster.node(heir!))
    stage.require(highWatermark === bytesSeen, 'the heir does not know', { highWatermark })
    stage.act({ do: 'kill', node: former.id, forMs: 20_000 })
    const leads = () => stage.row(cluster.node(heir!)).role === 'leader'
    await stage.until('scenario', 'the heir leads', 12_000, leads)
    let refused = 0
    for (let tries = 0; tries < 50; tries++) {
      const { errorCode, offset } = await ask(cluster.node(heir!).address)
      if (errorCode === errorCodes.OFFSET_NOT_AVAILABLE) refused++
      else stage.require(offset >= before.offset, 'it never goes back', { errorCode, offset })
      await stage.pass(20)
    }
    stage.require(refused > 0, 'it is not told while it is not known', { refused })
    stage.intercept(() => false)
    const isRead = async () => (await ask(cluster.node(heir!).address)).offset >= before.offset
    await stage.pass(5_000)
    stage.require(await isRead(), 'it is told in the end')
  },
}
