import { quietScript, type Scenario } from '../stage.ts'

/** replica.fetch.wait.max.ms, and what a follower allows for the way. */
const timeoutMs = 500 + 2_500
const silentMs = 2_000
const overMs = 230

export const scenario: Scenario = {
  lesson:
    'N3: the clock of a node ran slow for a while, and runs fast while nothing of it arrives. A fetch that it ' +
    'sends then is late by its own clock and by true time, but not by what is known of that clock where it ' +
    'arrives: no rule is broken. The next one is late by that, too, and is dropped.',
  script: quietScript(72, { nats: { maxPayload: 1024 * 1024 } }),
  async play(stage) {
    const { cluster, scheduler } = stage
    const turning = stage.node('controller')
    const asked = cluster.nodes.find((node) => node !== turning)!
    const isCreated = stage.createTopic('asked', 1, [[asked.id, turning.id]])
    stage.require(await stage.within(5_000, 'a topic is created', isCreated), 'it can be fetched')
    await stage.pass(5_000)
    const late = () => cluster.network.dropped(asked.id).stale
    for (const [lateMs, drops] of [
      [timeoutMs + overMs, 0],
      [timeoutMs + 2 * overMs, 1],
    ] as const) {
      turning.machine.setRate(0.9)
      await stage.pass(10_000)
      turning.machine.setRate(1.1)
      const before = late()
      const silentUntil = scheduler.now() + silentMs
      let isHeld = false
      let isThere = false
      stage.intercept(({ from, to, what, deliver }) => {
        if (isThere || from !== turning.id || to !== asked.id) return false
        if (isHeld || what !== 'Fetch' || scheduler.now() < silentUntil) return true
        isHeld = true
        scheduler.after(lateMs, () => {
          isThere = true
          deliver()
        })
        return true
      })
      await stage.until('scenario', 'a fetch is sent', 10_000, () => isHeld)
      await stage.until('scenario', 'it goes on', 5_000, () => isThere)
      await stage.pass(1)
      const dropped = late() - before
      stage.require(dropped === drops, 'it is judged by what is known', { lateMs, dropped })
      turning.machine.setRate(1)
      await stage.pass(10_000)
    }
    const { acked } = await stage.within(5_000, 'records are taken', stage.send(['as ever']))
    stage.require(acked, 'as ever')
  },
}
