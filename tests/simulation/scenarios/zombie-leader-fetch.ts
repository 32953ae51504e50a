import { errorCodes } from '../../../transport/protocol/errors.ts'
import { encodeBatch } from '../../../transport/records/records.ts'
import { Produce } from '../../../transport/schemas/00-produce.ts'
import { Fetch } from '../../../transport/schemas/01-fetch.ts'
import { NO_TOPIC_ID } from '../client.ts'
import { fetchRequest } from '../consumer.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

const from = { topic: 'first', partition: 0, offset: 0 }

/** What a leader answers to a fetch in this epoch. */
async function fetchError(stage: Stage, address: string, leaderEpoch: number): Promise<number> {
  const asked = stage.client('asker').request(address, Fetch, 12, fetchRequest(from, leaderEpoch))
  const { responses } = await stage.within(5_000, 'a fetch is answered', asked)
  return responses[0]!.partitions[0]!.errorCode
}

export const scenario: Scenario = {
  lesson:
    'KIP-320: a leader that is cut from the controllers does not learn that another leads. Epochs ' +
    'tell both apart, it acknowledges nothing, and nobody cuts a log to match its.',
  script: quietScript(22, { controllers: 3 }),
  async play(stage) {
    const { cluster, checker } = stage
    for (let index = 0; index < 5; index++) {
      await stage.within(5_000, 'it is acknowledged', stage.send([`before-${index}`]))
    }
    const zombie = stage.node('leader of first-0')
    const state = () => cluster.newestImage()!.topicByName('first')!.partition(0)!
    const { leaderEpoch: former } = state()
    stage.act({ do: 'oneWay', from: [zombie.id], to: [4, 5, 6], forMs: 40_000 })
    stage.act({ do: 'oneWay', from: [4, 5, 6], to: [zombie.id], forMs: 40_000 })
    await stage.until('scenario', 'another leads', 15_000, () => state().leader !== zombie.id)
    const leader = stage.node('leader of first-0')
    const followers = [1, 2, 3].filter((id) => id !== zombie.id)
    const before = followers.map((id) => [...(checker.logs.view(id, 'first-0')?.entries ?? [])])
    const ofZombie = await fetchError(stage, zombie.address, state().leaderEpoch)
    stage.require(ofZombie === errorCodes.UNKNOWN_LEADER_EPOCH, 'it knows no newer epoch', {
      ofZombie,
    })
    const ofLeader = await fetchError(stage, leader.address, former)
    stage.require(ofLeader === errorCodes.FENCED_LEADER_EPOCH, 'the older one is fenced', {
      ofLeader,
    })
    const record = { key: null, value: Buffer.from('nobody'), timestamp: 0 }
    const records = encodeBatch({
      baseOffset: 0,
      leaderEpoch: -1,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      records: [record],
    })
    const topicData = [
      { name: 'first', topicId: NO_TOPIC_ID, partitionData: [{ index: 0, records }] },
    ]
    const produced = stage
      .client('believer')
      .request(
        zombie.address,
        Produce,
        11,
        { transactionalId: null, acks: -1, timeoutMs: 3_000, topicData },
        8_000,
      )
    const answer = await stage.within(9_000, 'the zombie answers', produced)
    const { errorCode } = answer.responses[0]!.partitionResponses[0]!
    stage.require(errorCode !== errorCodes.NONE, 'it acknowledges nothing', { errorCode })
    await stage.within(10_000, 'the other does', stage.send(['after']))
    await stage.pass(40_000)
    for (const [index, id] of followers.entries()) {
      const lost = before[index]!.filter(
        ({ base, crc }) => checker.logs.entryAt(id, 'first-0', base)?.crc !== crc,
      )
      stage.require(lost.length === 0, 'nothing was cut', { id, lost })
    }
  },
}
