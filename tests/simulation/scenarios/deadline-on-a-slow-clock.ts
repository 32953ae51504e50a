import { quietScript, type Scenario } from '../stage.ts'

/** replica.fetch.wait.max.ms, and what a follower allows for the way. */
const timeoutMs = 500 + 2_500
const rate = 0.9

export const scenario: Scenario = {
  lesson:
    'N3: the clock of a node runs slow, and a fetch of it lies somewhere until its deadline is over by true ' +
    'time, but hardly by the clock that set it: it is taken. The next one is late by both, and is ' +
    'dropped. Its answers show meanwhile how far that clock has fallen behind.',
  script: quietScript(71, { nats: { maxPayload: 1024 * 1024 } }),
  async play(stage) {
    const { cluster, scheduler } = stage
    // The others ask it without rest, as the one who leads the quorum.
    const slow = stage.node('controller')
    const asked = cluster.nodes.find((node) => node !== slow)!
    const isCreated = stage.createTopic('asked', 1, [[asked.id, slow.id]])
    stage.require(await stage.within(5_000, 'a topic is created', isCreated), 'it can be fetched')
    await stage.pass(5_000)
    slow.machine.setRate(rate)
    await stage.pass(5_000)
    const late = () => cluster.network.dropped(asked.id).stale
    for (const [overMs, drops] of [
      [50, 0],
      [300, 1],
    ] as const) {
      const before = late()
      let isHeld = false
      let isThere = false
      stage.intercept(({ from, to, what, deliver }) => {
        if (isHeld || what !== 'Fetch' || from !== slow.id || to !== asked.id) return false
        isHeld = true
        scheduler.after((timeoutMs + overMs) / rate, () => {
          isThere = true
          deliver()
        })
        return true
      })
      await stage.until('scenario', 'a fetch is sent', 5_000, () => isHeld)
      await stage.until('scenario', 'it goes on', 5_000, () => isThere)
      await stage.pass(10)
      const dropped = late() - before
      stage.require(dropped === drops, 'it is judged by the clock that set it', { overMs, dropped })
    }
    slow.machine.setRate(1)
    const { acked } = await stage.within(5_000, 'records are taken', stage.send(['as ever']))
    stage.require(acked, 'as ever')
  },
}
