import { quietScript, type Scenario } from '../stage.ts'

const name = 'first-0'

export const scenario: Scenario = {
  lesson:
    'redpanda #3039: five batches are in flight and stored when the leader dies before it answers: ' +
    'their retries get the offsets which they had, and are stored once.',
  script: quietScript(24, { controllers: 3 }),
  async play(stage) {
    const { checker, cluster } = stage
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    const leader = stage.node('leader of first-0')
    const followers = [1, 2, 3].filter((id) => id !== leader.id)
    const entries = (id: number) => checker.logs.view(id, name)?.entries ?? []
    const held: (() => void)[] = []
    let isHeld = true
    stage.intercept(({ to, what, deliver }) => {
      if (!isHeld || to !== leader.id || what !== 'Fetch') return false
      held.push(deliver)
      return true
    })
    await stage.pass(1_000)
    const sent = Array.from({ length: 5 }, (_, index) => stage.send([`batch-${index}`]))
    await stage.until('scenario', 'it stores five', 5_000, () => entries(leader.id).length === 6)
    cluster.sockets.unreachable.add(leader.id)
    isHeld = false
    for (const deliver of held) deliver()
    const areEverywhere = () => followers.every((id) => entries(id).length === 6)
    await stage.until('scenario', 'all replicas store five', 5_000, areEverywhere)
    stage.act({ do: 'kill', node: leader.id, forMs: 15_000 })
    cluster.sockets.unreachable.delete(leader.id)
    const outcomes = await stage.within(28_000, 'the retries are answered', Promise.all(sent))
    const offsets = outcomes.map((outcome) => (outcome.acked ? outcome.baseOffset : outcome.why))
    stage.require(offsets.join() === '1,2,3,4,5', 'they get their first offsets', { offsets })
    await stage.pass(20_000)
    for (const id of [1, 2, 3]) {
      const bases = entries(id).map(({ base }) => base)
      stage.require(bases.join() === '0,1,2,3,4,5', 'each is stored once', { id, bases })
    }
  },
}
