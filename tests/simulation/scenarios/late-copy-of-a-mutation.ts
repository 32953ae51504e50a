import { errorCodes } from '../../../transport/protocol/errors.ts'
import { DeleteTopics } from '../../../transport/schemas/20-delete-topics.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'M9: a broker forwards a deletion by name, and a copy of it comes to the controller late, when a topic ' +
    'of that name was created since: the copy deletes nothing.',
  script: quietScript(83, { controllers: 3 }),
  async play(stage) {
    const { scheduler, cluster } = stage
    const admin = stage.client('who deletes')
    const lateMs = 2_000
    let copies = 0
    stage.intercept(({ what, deliver }) => {
      if (what !== 'Envelope') return false
      deliver()
      scheduler.after(lateMs, () => {
        copies++
        deliver()
      })
      return true
    })
    const asked = { timeoutMs: 5_000, topics: [], topicNames: ['again'] }
    const isCreated = () =>
      stage.within(8_000, 'the creation is answered', stage.createTopic('again', 1))
    for (let round = 0; round < 3; round++) {
      stage.require(await isCreated(), 'it is created', { round })
      const deleting = admin.request(admin.anyAddress(), DeleteTopics, 5, asked, 8_000)
      const { responses } = await stage.within(8_000, 'the deletion is answered', deleting)
      stage.require(responses[0]?.errorCode === errorCodes.NONE, 'and done', { responses })
    }
    stage.require(await isCreated(), 'it is created once more')
    const id = () => cluster.newestImage()?.topicByName('again')?.id
    const created = id()
    stage.require(created !== undefined && copies === 0, 'the copies are still to come')
    await stage.pass(2 * lateMs)
    stage.require(copies >= 7, 'they came', { copies })
    stage.require(id() === created, 'it is still there, and the same', { created, now: id() })
  },
}
