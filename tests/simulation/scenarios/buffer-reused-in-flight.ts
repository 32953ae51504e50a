import { quietScript, type Scenario } from '../stage.ts'

const names = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth']
const partitions = 2
const script = quietScript(55)

export const scenario: Scenario = {
  lesson:
    'KAFKA-19012, S12: many topics under load, on slow links, while connections break and requests time ' +
    'out: what arrives is what was sent, and each value that is read is the one that was written there.',
  script: {
    ...script,
    workload: {
      ...script.workload,
      topics: names.map((name) => ({ name, partitions, configs: {} })),
    },
  },
  async play(stage) {
    const { cluster, scheduler } = stage
    const random = stage.random.fork('load')
    cluster.network.faults = { ...cluster.network.faults, delayMs: 15 }
    cluster.sockets.delayMs = 5
    let acked = 0
    let sent = 0
    let isOn = true
    function send(): void {
      if (!isOn) return
      for (let each = 0; each < 4; each++) {
        const value = `load-${sent++}-${String(sent % 10).repeat(random.below(4_000))}`
        const topic = random.pick(names)
        stage.send([value], random.below(partitions), topic).then((outcome) => {
          if (outcome.acked) acked++
        }, stage.fail)
      }
      scheduler.after(30, send)
    }
    send()
    for (let turn = 0; turn < 12; turn++) {
      await stage.pass(600)
      if (turn % 3 === 0) stage.act({ do: 'clientCut', node: random.pick([1, 2, 3]), forMs: 6_000 })
      if (turn % 4 === 1) stage.act({ do: 'isolate', node: random.pick([1, 2, 3]), forMs: 3_000 })
      stage.act({ do: 'reset' })
    }
    isOn = false
    await stage.pass(20_000)
    cluster.sockets.delayMs = 0.2
    stage.require(acked > 300, 'many are acknowledged', { acked, sent })
  },
}
