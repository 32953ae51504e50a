import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'N1, KIP-227: each Fetch of a follower comes a second time, when its session has long gone on: ' +
    'it counts for nothing. No replica leaves the ISR, and what is acknowledged is on all of it.',
  script: quietScript(25, { controllers: 3 }),
  async play(stage) {
    const { checker, scheduler } = stage
    let repeated = 0
    stage.intercept(({ to, what, deliver }) => {
      if (what !== 'Fetch' || to > 3) return false
      deliver()
      scheduler.after(150 + (repeated++ % 7) * 200, deliver)
      return true
    })
    const sending = stage.keepSending(40)
    await stage.pass(2_000)
    const changes = checker.partitions.isrChanges()
    const before = sending.acked()
    await stage.pass(30_000)
    sending.stop()
    stage.require(repeated > 200, 'fetches were repeated', { repeated })
    const acked = sending.acked() - before
    stage.require(acked > 600, 'records are taken as ever', { acked })
    const shrunk = checker.partitions.isrChanges() - changes
    stage.require(shrunk === 0, 'the ISR does not change', { shrunk })
  },
}
