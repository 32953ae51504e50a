import type { SimNode } from '../cluster.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

/** The power of a broker goes with all that it had not synced, and it is back at once. */
async function restart(stage: Stage, node: SimNode): Promise<void> {
  const before = stage.partition()
  const { epoch } = stage.cluster.newestImage()!.brokers().get(node.id)!
  stage.cutPower(node, 'lost')
  const held = stage.entries(node).length
  stage.start(node)
  let isEarly = false
  const watch = () => {
    const { isr, leader, leaderEpoch } = stage.partition()
    const registered = stage.cluster.newestImage()!.brokers().get(node.id)!.epoch > epoch
    if (!registered) return
    const isWhole = stage.entries(node).length > held
    isEarly ||= leader === node.id && leaderEpoch === before.leaderEpoch
    isEarly ||= isr.includes(node.id) && !isWhole
  }
  stage.scheduler.onStep(watch)
  const isBack = () => stage.isUnfenced(node) && stage.partition().isr.includes(node.id)
  await stage.until('scenario', 'it is back in the ISR', 20_000, isBack)
  await stage.pass(1_000)
  stage.require(!isEarly, 'it neither leads on nor counts before it holds what it lost', {
    node: node.id,
    before,
  })
}

export const scenario: Scenario = {
  lesson:
    'KAFKA-18106: a broker whose power was cut registers anew inside the session of its predecessor. ' +
    'What it led has a newer leader epoch, and it counts in no ISR before it has fetched again.',
  script: quietScript(41, { controllers: 3 }),
  async play(stage) {
    for (let index = 0; index < 20; index++) {
      await stage.within(5_000, 'it is acknowledged', stage.send([`before-${index}`]))
    }
    const sending = stage.keepSending(50)
    const leader = stage.node('leader of first-0')
    const { leaderEpoch } = stage.partition()
    await restart(stage, leader)
    stage.require(stage.partition().leaderEpoch > leaderEpoch, 'the leader epoch is raised', {
      before: leaderEpoch,
      now: stage.partition(),
    })
    const follower = stage.cluster.node(
      stage.partition().isr.find((id) => id !== stage.partition().leader)!,
    )
    await restart(stage, follower)
    // The last of an ISR stays in it: its next life leads in another epoch, or not at all.
    const last = stage.node('leader of first-0')
    sending.stop()
    for (const id of [1, 2, 3]) {
      if (id !== last.id) stage.act({ do: 'kill', node: id, forMs: 30_000 })
    }
    const isAlone = () => stage.partition().isr.length === 1
    await stage.until('scenario', 'it is alone in the ISR', 15_000, isAlone)
    const { leaderEpoch: alone } = stage.partition()
    stage.act({ do: 'kill', node: last.id, forMs: 5 })
    const leadsAgain = () => stage.isUnfenced(last) && stage.partition().leader === last.id
    await stage.until('scenario', 'it leads again', 20_000, leadsAgain)
    stage.require(stage.partition().leaderEpoch > alone, 'in a newer epoch', {
      before: alone,
      now: stage.partition(),
    })
  },
}
