import { METADATA } from '../quorum-checker.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'R9: a voter stores a batch, tells its leader and ends; its disk is damaged before the leader hears ' +
    'of it. It counts, for it did store it: the batch is committed with two of three, and is not lost ' +
    'while the third one is away and the damaged one has yet to fetch it again.',
  script: quietScript(54, { controllers: 3, nats: { maxPayload: 1024 * 1024 } }),
  async play(stage) {
    const { cluster } = stage
    const leader = stage.node('controller')
    const [damaged, behind] = [4, 5, 6]
      .filter((id) => id !== leader.id)
      .map((id) => cluster.node(id))
    const held = () => stage.entries(damaged!, METADATA).length
    const before = held()
    let tell: (() => void) | undefined
    stage.intercept(({ from, to, what, deliver }) => {
      if (what === 'Fetch.metadata answer') return to === behind!.id
      if (what !== 'Fetch.metadata' || from !== damaged!.id || held() === before) return false
      tell ??= deliver
      return true
    })
    const creating = stage.createTopic('kept', 1)
    await stage.until('scenario', 'it is stored and told', 3_000, () => tell !== undefined)
    const knows = ({ parts }: typeof leader) =>
      parts?.loader.image().topicByName('kept') !== undefined
    stage.require(!knows(leader), 'it is not committed yet', {})
    cluster.kill(damaged!)
    const { file, position, size } = stage.entries(damaged!, METADATA).at(-1)!
    damaged!.disk.flip(file, position + size - 4, 3)
    stage.checker.lost(damaged!.id)
    tell!()
    stage.require(await stage.within(9_000, 'it is created', creating), 'it is committed', {})
    stage.intercept(({ to, what }) => what === 'Fetch.metadata answer' && to !== leader.id)
    cluster.start(damaged!)
    await stage.pass(5_000)
    stage.require(knows(leader), 'it stays committed', {})
    stage.intercept(() => false)
    const areWhole = () => cluster.nodes.every(knows)
    await stage.until('scenario', 'all know it', 20_000, areWhole)
  },
}
