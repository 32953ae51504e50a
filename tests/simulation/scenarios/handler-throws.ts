import { errorCodes } from '../../../transport/protocol/errors.ts'
import type { SimNode } from '../cluster.ts'
import { groupRequests } from '../group-requests.ts'
import { findCoordinator, joinAlone } from '../lone-member.ts'
import { produceTo } from '../raw-produce.ts'
import { quietScript, type Scenario } from '../stage.ts'

/** Its next call is made, and then throws what nobody foresaw. */
function throwOnce<Name extends string>(
  of: Record<Name, (...args: never[]) => unknown>,
  name: Name,
): { wasCalled(): boolean } {
  const original = of[name]
  let wasCalled = false
  of[name] = (...args) => {
    of[name] = original
    wasCalled = true
    original(...args)
    throw new Error('nobody foresaw this')
  }
  return { wasCalled: () => wasCalled }
}

/** undefined: its connection ended. */
const errorOf = (answer: Promise<{ error: number }>): Promise<number | undefined> =>
  answer.then(
    ({ error }) => error,
    () => undefined,
  )

const replicasOf = (node: SimNode) => node.parts!.broker!.host.replicas

export const scenario: Scenario = {
  lesson:
    'X4: an exception in the middle of a request of a client, or of another node, is the error of that ' +
    'request alone. One inside a chart ends the node at once, and nothing of it goes on.',
  script: quietScript(46, { controllers: 3 }),
  async play(stage) {
    const { cluster } = stage
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    const leader = stage.node('leader of first-0')
    const { end } = leader

    throwOnce(replicasOf(leader), 'appendAll')
    const asker = stage.client('asker')
    const batch = { topic: 'first', partition: 0, records: [{ value: 'perhaps' }] }
    const answers = [
      errorOf(produceTo(asker, leader.address, batch)),
      errorOf(produceTo(asker, leader.address, { ...batch, records: [{ value: 'surely' }] })),
    ]
    const [one, other] = await stage.within(20_000, 'both are over', Promise.all(answers))
    stage.require(one === errorCodes.UNKNOWN_SERVER_ERROR, 'the request is told', { one })
    stage.require(other === errorCodes.NONE, 'the next one of its connection is fine', { other })

    const produced = throwOnce(replicasOf(leader), 'appendAll')
    const sent = [stage.send(['one']), stage.send(['two'])]
    const outcomes = await stage.within(20_000, 'both are answered', Promise.all(sent))
    const offsets = outcomes.map((outcome) => outcome.acked && outcome.baseOffset)
    stage.require(produced.wasCalled(), 'one of them met the exception')
    stage.require(offsets.join() === '3,4', 'and is stored once, in order', { offsets })

    const fetched = throwOnce(replicasOf(leader), 'fetch')
    await stage.within(20_000, 'it is acknowledged', stage.send(['three']))
    stage.require(fetched.wasCalled(), 'somebody fetched meanwhile')
    stage.require(leader.end === end, 'the node lives', {})

    const groupId = 'readers'
    const ask = groupRequests(stage.client('reader'))
    const at = await findCoordinator(stage, ask, groupId)
    const coordinator = cluster.nodes.find(({ address }) => address === at)!
    await joinAlone(stage, ask, at, groupId)
    const inChart = throwOnce(replicasOf(coordinator), 'append')
    coordinator.isStricken = true
    let saidAfterwards = 0
    stage.intercept(({ from }) => {
      if (from === coordinator.id && coordinator.end === undefined) saidAfterwards++
      return false
    })
    const { disk } = coordinator
    const newcomer = groupRequests(stage.client('newcomer'))
    newcomer.join(at, groupId, '').then(
      ({ memberId }) => newcomer.join(at, groupId, memberId).catch(() => {}),
      () => {},
    )
    const isOver = () => inChart.wasCalled() && coordinator.end === undefined
    await stage.until('X4', 'an error inside a chart ends its node', 25_000, isOver)
    const pending = disk.pendingChanges()
    await stage.pass(3_000)
    stage.require(saidAfterwards === 0, 'it says nothing more', { saidAfterwards })
    stage.require(disk.pendingChanges() === pending, 'and writes nothing more', { pending })
    cluster.start(coordinator)
    await stage.until('L1', 'it is back', 20_000, () => stage.isUnfenced(coordinator))
    const again = await findCoordinator(stage, ask, groupId)
    const member = await joinAlone(stage, ask, again, groupId)
    const errors = await stage.within(
      6_000,
      'it commits',
      ask.commit(again, member, 'first', new Map([[0, 1]])),
    )
    stage.require(errors.join() === String(errorCodes.NONE), 'as ever', { errors })
  },
}
