import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KAFKA-10706: five leaders in turn write nothing, then one record is appended. Who comes back with ' +
    'a tail of before cuts it by one answer, and has the record with the next.',
  script: quietScript(49, { controllers: 3, config: { 'min.insync.replicas': '1' } }),
  async play(stage) {
    const { cluster } = stage
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    const former = stage.node('leader of first-0')
    stage.intercept(({ from, what }) => from === former.id && what === 'Fetch answer')
    cluster.sockets.unreachable.clear()
    const unknown = ['tail-1', 'tail-2', 'tail-3'].map((value) => stage.send([value]))
    const hasTail = () => stage.entries(former).length === 4
    await stage.until('scenario', 'it has a tail', 5_000, hasTail)
    // Nobody sends it again before the five elections.
    for (const { id, isBroker } of cluster.nodes) if (isBroker) cluster.sockets.unreachable.add(id)
    cluster.kill(former)
    stage.intercept(() => false)
    for (let election = 1; election <= 5; election++) {
      const leads = () => {
        const { leaderEpoch, isr } = stage.partition()
        return leaderEpoch === election && (election === 1 || isr.length === 2)
      }
      await stage.until('scenario', 'another one leads', 12_000, leads)
      if (election === 5) break
      stage.act({ do: 'kill', node: stage.partition().leader, forMs: 1_000 })
    }
    stage.require(
      [1, 2, 3].every((id) => id === former.id || stage.entries(cluster.node(id)).length === 1),
      'nothing was written',
      {},
    )
    cluster.sockets.unreachable.clear()
    await stage.within(30_000, 'the tail is sent again', Promise.all(unknown))
    const leader = stage.node('leader of first-0')
    const held = stage.entries(leader).length
    let fetches = 0
    const isSettled = () => stage.entries(former).length === held && former.parts !== undefined
    stage.intercept(({ from, to, what }) => {
      if (from === former.id && to === leader.id && what === 'Fetch') {
        stage.checker.logs.refresh()
        if (!isSettled() || stage.entries(former).at(-1)!.epoch < 5) fetches++
      }
      return false
    })
    cluster.start(former)
    const isEqual = () => isSettled() && stage.partition().isr.includes(former.id)
    await stage.until('scenario', 'it is in sync', 12_000, isEqual)
    stage.require(fetches <= 2, 'it settles in two fetches', { fetches })
  },
}
