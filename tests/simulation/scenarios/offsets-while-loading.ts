import { errorCodes } from '../../../transport/protocol/errors.ts'
import { NoAnswerError } from '../client.ts'
import { type GroupRequests, groupRequests, type Identity } from '../group-requests.ts'
import { findCoordinator } from '../lone-member.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

const partitions = 20
const groups = 1_000
const failovers = 3
/** What replaying a slice keeps the loop busy for. */
const turnMs = 20
const topic = 'first'

const offsetOf = (group: number, partition: number) => 1_000 + group * partitions + partition
const nameOf = (group: number) => `group-${group}`
const tool = (groupId: string): Identity => ({
  groupId,
  generationId: -1,
  memberId: '',
  groupInstanceId: null,
})

async function commitAll(stage: Stage, ask: GroupRequests, at: string): Promise<void> {
  const all = Array.from({ length: groups }, (_, group) => {
    const positions = new Map<number, number>()
    for (let each = 0; each < partitions; each++) positions.set(each, offsetOf(group, each))
    return ask.commit(at, tool(nameOf(group)), topic, positions)
  })
  const errors = (await stage.within(60_000, 'they are committed', Promise.all(all))).flat()
  const fine = errors.filter((error) => error === errorCodes.NONE)
  stage.require(fine.length === groups * partitions, 'all of them', { fine: fine.length })
}

export const scenario: Scenario = {
  lesson:
    'Bufstream, Jepsen 2024, G4: coordinators of 20,000 offsets die one after the other. Who asks a new ' +
    'one hears an error, that it still loads above all, or what was committed: never "none".',
  script: quietScript(43, { partitions, config: { 'min.insync.replicas': '1' } }),
  async play(stage) {
    const { cluster } = stage
    const ask = groupRequests(stage.client('reader'))
    const first = await findCoordinator(stage, ask, nameOf(0))
    await commitAll(stage, ask, first)
    for (const { machine } of cluster.nodes) {
      const { setTimeout } = machine
      machine.setTimeout = (run, ms) => setTimeout(run, Math.max(ms, turnMs))
    }
    const heard = new Map<number, number>()
    let isOn = true
    const random = stage.random.fork('asked')
    async function askOn(): Promise<void> {
      while (isOn) {
        const group = random.below(groups)
        const partition = random.below(partitions)
        const { address } = random.pick(cluster.nodes)
        try {
          const told = await ask.offsets(address, nameOf(group), topic, [partition])
          heard.set(told.error, (heard.get(told.error) ?? 0) + 1)
          const offset = told.offsets.get(partition)
          const isRight = told.error !== errorCodes.NONE || offset === offsetOf(group, partition)
          stage.require(isRight, 'no offset is made up', { group, partition, offset })
        } catch (why) {
          if (!(why instanceof NoAnswerError)) throw why
        }
        await new Promise<void>((done) => void stage.scheduler.after(10, done))
      }
    }
    askOn().catch(stage.fail)
    for (let turn = 0; turn < failovers; turn++) {
      const state = cluster.newestImage()!.topicByName('__consumer_offsets')!.partition(0)!
      stage.act({ do: 'kill', node: state.leader, forMs: 4_000 })
      await stage.pass(20_000)
    }
    isOn = false
    const times = (error: number) => heard.get(error) ?? 0
    stage.require(
      times(errorCodes.COORDINATOR_LOAD_IN_PROGRESS) > 10 && times(errorCodes.NONE) > 100,
      'it was asked while it loaded, and after',
      { heard: [...heard] },
    )
  },
}
