import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KIP-853: two of three voters hold what was committed. One of them is wiped, the other one is down: ' +
    'the third leads nothing, since a wiped disk is no voter. With the other one back nothing is lost.',
  script: quietScript(45, { controllers: 3 }),
  async play(stage) {
    const { cluster } = stage
    const leader = stage.node('controller')
    const [wiped, behind] = [4, 5, 6].filter((id) => id !== leader.id).map((id) => cluster.node(id))
    stage.intercept(({ to, what }) => what === 'Fetch.metadata answer' && to === behind!.id)
    const created = stage.createTopic('kept', 2)
    stage.require(await stage.within(9_000, 'it is created', created), 'it is committed')
    const knows = ({ parts }: typeof leader) =>
      parts?.loader.image().topicByName('kept') !== undefined
    await stage.until('scenario', 'the second one knows', 2_000, () => knows(wiped!))
    const epoch = stage.ledEpoch()
    cluster.kill(leader)
    cluster.wipe(wiped!)
    stage.checker.lost(wiped!.id)
    stage.require(!knows(behind!), 'the third one does not have it', {})
    stage.intercept(() => false)
    cluster.start(wiped!)
    let led = -1
    stage.scheduler.onStep(() => {
      led = Math.max(led, stage.ledEpoch())
      const state = wiped!.running && wiped!.parts?.quorum.role().state
      const isVoter = state === 'candidate' || state === 'prospective' || state === 'leader'
      if (isVoter) stage.fail(new Error(`scenario: who was wiped does not campaign: ${state}`))
    })
    await stage.pass(30_000)
    stage.require(led === -1, 'nobody leads', { led, epoch })
    cluster.start(leader)
    const isBack = () => cluster.nodes.every(knows)
    await stage.until('scenario', 'all know what was committed', 20_000, isBack)
    const voters = stage.node('controller').parts!.quorum.voters()
    const isVoter = voters.some(({ directoryId }) => directoryId === wiped!.directoryId)
    stage.require(!isVoter, 'who was wiped is no voter', { voters })
  },
}
