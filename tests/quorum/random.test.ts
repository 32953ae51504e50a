/**
 * Random schedules of crashes, cuts, lost and repeated messages, slow disks and snapshots: what
 * invariants.md says under R holds after each step, and the cluster recovers. `SEED=n` replays one.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { quorumChecker } from './support/checker.ts'
import { epochOf, quorumWorld, record, seededRandom } from './support/quorum-world.ts'

const seeds = process.env['SEED']
  ? [Number(process.env['SEED'])]
  : Array.from({ length: Number(process.env['RUNS'] ?? 12) }, (_, index) => index + 1)

for (const seed of seeds) {
  test(`three voters and an observer survive what may happen (SEED=${seed})`, async () => {
    const chance = seededRandom(seed * 7919)
    const checker = quorumChecker()
    const world = quorumWorld({
      voters: [1, 2, 3],
      observers: [4],
      seed,
      config: { retentionBytes: seed % 2 === 0 ? 2_000 : 1_000_000 },
      check: checker.check,
    })
    const { clock, network } = world
    const ids = [...world.nodes.keys()]
    const any = () => ids[chance.below(ids.length)]!
    let appended = 0
    await world.startAll()

    const acts: (() => Promise<void> | void)[] = [
      () => {
        for (const { quorum } of world.nodes.values()) {
          const led = quorum?.rpc.leadership()
          if (led === undefined) continue
          for (let left = chance.below(5); left > 0; left--) {
            quorum!.append(led.epoch, [record(`r${++appended}`)])
          }
        }
      },
      () => world.kill(any()),
      async () => {
        const down = ids.filter((id) => world.node(id).quorum === undefined)
        for (const id of down) await world.start(id)
      },
      async () => {
        const id = any()
        if (world.node(id).quorum !== undefined) await world.stop(id)
      },
      () => network.isolate(any()),
      () => network.cut(any(), any()),
      () => network.heal(),
      () => {
        network.lossRate = chance.next() * 0.3
        network.repeatRate = chance.next() * 0.3
      },
      () => {
        network.delayMs = { least: chance.below(5), most: 5 + chance.below(200) }
      },
      () => {
        world.node(any()).disk.syncMs = chance.below(300)
      },
      async () => {
        const { quorum, told, disk } = world.node(any())
        const last = (quorum?.highWatermark() ?? -1) - 1
        const epoch = last < 0 ? undefined : disk.log.epochAt(last)
        if (quorum === undefined || epoch === undefined) return
        const names = [...told].filter(([offset]) => offset <= last).map(([, name]) => name)
        const written = quorum.writeSnapshot(last, epoch, clock.now(), [names.map(record)])
        await clock.advance(10)
        await written
      },
    ]
    for (let step = 0; step < 120; step++) {
      await acts[chance.below(acts.length)]!()
      await clock.advance(chance.below(1500))
    }

    network.heal()
    network.lossRate = 0
    network.repeatRate = 0
    network.delayMs = { least: 0, most: 2 }
    for (const node of world.nodes.values()) {
      node.disk.syncMs = 1
      if (node.quorum === undefined) await world.start(node.id)
    }
    const isConfirmed = () => {
      const leader = world.leader()
      return leader?.leaders.at(-1) === `${leader?.id}@${epochOf(leader!)}`
    }
    // Whoever led through the faults may still lose an election that was under way.
    await clock.advance(5_000)
    await world.until(isConfirmed, 10_000)
    const offset = world.append('last')
    await world.until(() => ids.every((id) => world.node(id).told.get(offset) === 'last'), 10_000)
    assert.ok(checker.epochs() > 0)
  })
}

test.run()
