import { fetchFrom } from '../asker.ts'
import { NoAnswerError } from '../client.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KAFKA-14704: a follower comes back with a record that was never committed; by now others are, at ' +
    'that offset. It cuts before it lets anybody read: a consumer that waits there never sees it.',
  script: quietScript(52, { controllers: 3, config: { 'min.insync.replicas': '1' } }),
  async play(stage) {
    const { cluster, scheduler } = stage
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    const former = stage.node('leader of first-0')
    stage.intercept(({ from, what }) => from === former.id && what === 'Fetch answer')
    const unknown = stage.send(['never committed'])
    const hasTail = () => stage.entries(former).length === 2
    await stage.until('scenario', 'it stands on one disk', 5_000, hasTail)
    const [, tail] = stage.entries(former)
    cluster.sockets.unreachable.add(former.id)
    cluster.kill(former)
    stage.intercept(({ from, what }) => from === former.id && what === 'Fetch')
    await stage.within(28_000, 'it is sent again', unknown)
    for (let index = 0; index < 5; index++) {
      await stage.within(5_000, 'it is acknowledged', stage.send([`after-${index}`]))
    }
    cluster.sockets.unreachable.clear()
    cluster.start(former)
    await stage.until('scenario', 'it is back', 12_000, () => stage.isUnfenced(former))
    const row = stage.row(former)
    scheduler.onStep(() => {
      const isDiverged = stage.entries(former)[1]?.epoch === tail!.epoch
      if (isDiverged && row.highWatermark > 1) stage.fail(new Error('scenario: readable too early'))
    })
    let seen: unknown
    let answers = 0
    let isOn = true
    async function poll(): Promise<void> {
      const asker = stage.client('reader of a follower')
      while (isOn) {
        try {
          const fetched = await fetchFrom(asker, { address: former.address, topic: 'first' }, 1)
          answers++
          const epochs = stage.checker.logs.entryAt(former.id, 'first-0', 1)?.epoch
          if (fetched.records.length > 0) seen ??= { ...fetched, epochs }
        } catch (why) {
          if (!(why instanceof NoAnswerError)) throw why
        }
        await asker.sleep(1)
      }
    }
    poll().catch(stage.fail)
    await stage.pass(1_000)
    stage.require(answers > 0 && seen === undefined, 'nothing is read of it', { answers, seen })
    stage.intercept(() => false)
    const isRead = () => seen !== undefined
    await stage.until('scenario', 'what is committed is read', 12_000, isRead)
    isOn = false
    const { records, epochs } = seen as { records: { value: string }[]; epochs: number }
    stage.require(epochs > tail!.epoch && records.length === 6, 'only what is committed', { seen })
  },
}
