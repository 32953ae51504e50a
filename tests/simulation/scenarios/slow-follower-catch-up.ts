import type { Message } from '../network.ts'
import { quietScript, type Scenario } from '../stage.ts'

const batches = 60
const bytes = 400_000
const bytesPerMs = 2 * 1024
/** replica.fetch.response.max.bytes, and one batch beyond it, which makes progress. */
const onTheWayMax = 10 * 1024 * 1024 + bytes
const follower = 3

export const scenario: Scenario = {
  lesson:
    'N5: a follower comes back 24 MB behind, on a link of 2 MiB/s, while controllers and leaders are ' +
    'elected. Never is more on its way to it than one fetch may bring, one fetch is open to a leader, its ' +
    'heartbeats are on time, and it gets into the ISR.',
  script: quietScript(54, { controllers: 3, replicas: [1, 2, 3] }),
  async play(stage) {
    const { cluster, scheduler } = stage
    const node = cluster.node(follower)
    stage.act({ do: 'kill', node: follower, forMs: 3_600_000 })
    const state = () => cluster.newestImage()!.topicByName('first')!.partition(0)!
    await stage.until('scenario', 'it leaves the ISR', 15_000, () => state().isr.length === 2)
    for (let batch = 0; batch < batches; batch++) {
      const sent = stage.send([`${batch}-${'x'.repeat(bytes)}`])
      await stage.within(9_000, 'it is acknowledged', sent)
    }

    let freeAt = 0
    let onTheWay = 0
    let most = 0
    let bulk = 0
    const open = new Map<number, number>()
    const opened = (to: number, by: number) => {
      const count = (open.get(to) ?? 0) + by
      open.set(to, count)
      stage.require(count <= 2, 'few fetches are open to a leader', { to, count })
    }
    const heartbeats: number[] = []
    function slowly({ bytes: { length }, deliver }: Message): true {
      onTheWay += length
      bulk += length
      most = Math.max(most, onTheWay)
      freeAt = Math.max(freeAt, scheduler.now()) + length / bytesPerMs
      scheduler.after(freeAt - scheduler.now(), () => {
        onTheWay -= length
        deliver()
      })
      return true
    }
    stage.intercept((message) => {
      const { from, to, what } = message
      if (from === follower && what === 'BrokerHeartbeat') heartbeats.push(scheduler.now())
      if (from === follower && what === 'Fetch') opened(to, 1)
      if (to !== follower || what !== 'Fetch answer') return false
      opened(from, -1)
      return slowly(message)
    })
    cluster.start(node)
    await stage.until('L1', 'it serves', 10_000, () => stage.isUnfenced(node))
    const since = scheduler.now()
    for (const target of ['controller', 'leader of first-0', 'controller']) {
      await stage.pass(2_000)
      open.clear()
      stage.act({ do: 'kill', node: target, forMs: 1_500 })
    }
    await stage.until('L2', 'it is in the ISR', 40_000, () => state().isr.includes(follower))
    stage.require(bulk > batches * bytes, 'it fetched all of it', { bulk })
    stage.require(most <= onTheWayMax, 'what is on its way is bounded', { most })
    const pauses = heartbeats.slice(1).map((at, index) => at - heartbeats[index]!)
    const longest = Math.max(...pauses)
    stage.require(longest <= 5_000, 'its heartbeats do not wait', { longest })
    const fenced = stage.fencings().filter(({ id, ms }) => id === follower && ms >= since)
    stage.require(fenced.length === 0, 'it is not fenced', { fenced })
  },
}
