import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'P11, KIP-497: a request that took a replica into the ISR comes a second time, when that one has ' +
    'fallen behind and left it again. It is of an older partition epoch, and changes nothing.',
  script: quietScript(42, { controllers: 3, config: { 'replica.lag.time.max.ms': '500' } }),
  async play(stage) {
    const { cluster } = stage
    const sending = stage.keepSending(50)
    await stage.until('scenario', 'it is acknowledged', 5_000, () => sending.acked() > 0)
    const leader = stage.node('leader of first-0')
    const late = [1, 2, 3].find((id) => id !== leader.id)!
    const isr = () => cluster.newestImage()!.topicByName('first')!.partition(0)!.isr
    let isCut = false
    let again: (() => void) | undefined
    let answers = 0
    stage.intercept(({ from, to, what, deliver }) => {
      if (what === 'AlterPartition answer' && to === leader.id) answers++
      if (what === 'AlterPartition' && from === leader.id && !isCut) again = deliver
      return isCut && what === 'Fetch' && from === late && to === leader.id
    })
    async function leaves(): Promise<void> {
      isCut = true
      await stage.until('scenario', 'it leaves the ISR', 15_000, () => !isr().includes(late))
    }
    await leaves()
    isCut = false
    await stage.until('scenario', 'it is back', 15_000, () => isr().includes(late))
    await leaves()
    const before = sending.acked()
    await stage.until('scenario', 'the others go on', 5_000, () => sending.acked() > before + 2)
    sending.stop()
    stage.require(again !== undefined, 'the request is known')
    const answered = answers
    again!()
    await stage.until('scenario', 'it is answered', 1_000, () => answers > answered)
    await stage.pass(1_000)
    stage.require(!isr().includes(late), 'it is not in the ISR', { isr: isr() })
  },
}
