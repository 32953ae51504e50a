import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'P1, N1: the controller refuses to take a fenced broker into an ISR, so the leader goes on without it. ' +
    'Unfenced it lags when a copy of that request comes: it is not taken in, and nothing acknowledged is missing.',
  script: quietScript(93, { controllers: 3, replicas: [1, 2, 3] }),
  async play(stage) {
    const { cluster } = stage
    const [leader, , joiner] = [1, 2, 3].map((id) => cluster.node(id))
    const write = async (value: string) => {
      const sent = await stage.within(9_000, 'it is answered', stage.send([value]))
      stage.require(sent.acked, 'it is acknowledged', { value })
    }
    const held = { fetches: false, beats: false, metadata: false }
    let copy: (() => void) | undefined
    let beat: (() => void) | undefined
    stage.intercept(({ from, to, what, deliver }) => {
      if (what === 'AlterPartition' && from === leader!.id && held.beats) copy ??= deliver
      if (what === 'Fetch' && from === joiner!.id && to === leader!.id) return held.fetches
      if (what === 'BrokerHeartbeat' && from === joiner!.id) {
        beat = deliver
        return held.beats
      }
      return what === 'Fetch.metadata answer' && to === leader!.id && held.metadata
    })
    await write('one')
    stage.act({ do: 'kill', node: joiner!.id, forMs: 12_000 })
    await stage.pass(11_000)
    held.fetches = true
    await write('two')
    await stage.until('scenario', 'it is unfenced', 12_000, () => stage.isUnfenced(joiner!))
    await stage.pass(500)
    held.metadata = true
    held.beats = true
    const isFenced = () => !stage.isUnfenced(joiner!)
    await stage.until('scenario', 'it is fenced', 20_000, isFenced)
    beat = undefined
    await stage.until('scenario', 'it beats', 9_000, () => beat !== undefined)
    held.fetches = false
    await stage.until('scenario', 'it is proposed', 5_000, () => copy !== undefined)
    held.fetches = true
    held.metadata = false
    await stage.pass(20)
    await write('three')
    held.beats = false
    beat!()
    await stage.until('scenario', 'it is unfenced again', 1_000, () => stage.isUnfenced(joiner!))
    copy!()
    await stage.pass(300)
    const state = stage.partition()
    stage.require(!state.isr.includes(joiner!.id), 'it is not taken in', state)
    Object.assign(held, { fetches: false, metadata: false })
  },
}
