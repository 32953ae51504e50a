/** Where replicas lie decides who may lead: a directory that is gone, or a copy that is spoiled, does not. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lostDirectory } from '../../actors/metadata/directory-ids.ts'
import type { PartitionState } from '../../actors/metadata/image.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import { AssignReplicasToDirs } from '../../transport/schemas/73-assign-replicas-to-dirs.ts'
import { assigned } from './requests.ts'
import { active, incarnation, type World } from './world.ts'

const first = 'first-directory'.padEnd(22, 'A')
const second = 'second-directory'.padEnd(22, 'A')

const partition = (it: World): PartitionState => it.committed().topicByName('t')!.partition(0)!

async function withTopic(replicas: number[], configs: { name: string; value: string }[] = []) {
  const it = await active()
  const epochs = new Map(await it.brokers(8, 9))
  const { epoch } = await it.register(7, { logDirs: [first, second] })
  await it.beat(7, epoch)
  epochs.set(7, epoch)
  const topics = [{ ...assigned('t', replicas), configs }]
  const answer = await it.ask(CreateTopics, { topics, timeoutMs: 1_000, validateOnly: false })
  assert.is(answer.topics[0]!.errorCode, 0)
  return { it, epochs, topicId: answer.topics[0]!.topicId }
}

type Scene = Awaited<ReturnType<typeof withTopic>>

async function assign(
  { it, epochs, topicId }: Scene,
  brokerId: number,
  id: string,
  more: { topicId?: string; partitionIndex?: number; brokerEpoch?: number } = {},
) {
  const { partitionIndex = 0, brokerEpoch = epochs.get(brokerId)! } = more
  const topics = [{ topicId: more.topicId ?? topicId, partitions: [{ partitionIndex }] }]
  const answer = await it.ask(AssignReplicasToDirs, {
    brokerId,
    brokerEpoch,
    directories: [{ id, topics }],
  })
  const told = answer.directories[0]?.topics[0]?.partitions[0]?.errorCode ?? 0
  return [errorName(answer.errorCode), errorName(told)]
}

/** The leader asks for these members. */
async function alter({ it, epochs, topicId }: Scene, isr: number[]) {
  const { leader, leaderEpoch, partitionEpoch } = partition(it)
  const asked = {
    partitionIndex: 0,
    leaderEpoch,
    partitionEpoch,
    leaderRecoveryState: 0,
    newIsr: [],
    newIsrWithEpochs: isr.map((id) => ({ brokerId: id, brokerEpoch: epochs.get(id)! })),
  }
  const answer = await it.ask(AlterPartition, {
    brokerId: leader,
    brokerEpoch: epochs.get(leader)!,
    topics: [{ topicId, partitions: [asked] }],
  })
  return errorName(answer.topics[0]!.partitions[0]!.errorCode)
}

test('a broker tells where its replica lies; leader and ISR stay as they are', async () => {
  const scene = await withTopic([7, 8])
  const { it } = scene
  const other = partition(it).directories[0] === first ? second : first
  assert.equal(await assign(scene, 7, other), ['NONE', 'NONE'])
  const { directories, leader, isr, leaderEpoch } = partition(it)
  assert.is(directories[0], other)
  assert.equal([leader, isr, leaderEpoch], [7, [7, 8], 0])
  const before = it.records().length
  assert.equal(await assign(scene, 7, other), ['NONE', 'NONE'])
  assert.is(it.records().length, before, 'what is so already needs no record')
})

test('what is not there, not its own, or of an older broker epoch is refused', async () => {
  const scene = await withTopic([7, 8])
  const unknown = await assign(scene, 7, first, { topicId: incarnation('nothing') })
  assert.equal(unknown, ['NONE', 'UNKNOWN_TOPIC_ID'])
  const none = await assign(scene, 7, first, { partitionIndex: 5 })
  assert.equal(none, ['NONE', 'UNKNOWN_TOPIC_OR_PARTITION'])
  assert.equal(await assign(scene, 9, first), ['NONE', 'NOT_LEADER_OR_FOLLOWER'])
  const stale = await assign(scene, 7, first, { brokerEpoch: 0 })
  assert.equal(stale, ['STALE_BROKER_EPOCH', 'NONE'])
})

test('S2: a replica in a lost directory leaves ISR and leadership', async () => {
  const scene = await withTopic([7, 8])
  assert.equal(await assign(scene, 7, lostDirectory), ['NONE', 'NONE'])
  const { leader, isr } = partition(scene.it)
  assert.equal([leader, isr], [8, [8]])
})

test('S2: a spoiled copy that is the last of its ISR is not elected when its broker is back', async () => {
  const scene = await withTopic([7, 8])
  const { it } = scene
  await assign(scene, 8, lostDirectory)
  assert.equal([partition(it).leader, partition(it).isr], [7, [7]])
  const again = await it.register(7, {
    incarnationId: incarnation('7b'),
    logDirs: [first, second],
  })
  assert.is(again.error, 'DUPLICATE_BROKER_REGISTRATION')
  it.controller.brokerGone(7, it.committed().brokers().get(7)!.incarnationId)
  const { epoch } = await it.register(7, {
    incarnationId: incarnation('7b'),
    logDirs: [first, second],
  })
  scene.epochs.set(7, epoch)
  assert.equal(await assign(scene, 7, lostDirectory), ['NONE', 'NONE'], 'before it is unfenced')
  await it.beat(7, epoch)
  assert.equal([partition(it).leader, partition(it).isr], [-1, [7]], 'unavailable, not wrong')
  assert.equal(await assign(scene, 8, incarnation('directory8')), ['NONE', 'NONE'])
  assert.is(partition(it).leader, -1, 'P18: who is not in sync does not lead')
  assert.equal(await assign(scene, 7, first), ['NONE', 'NONE'])
  assert.is(partition(it).leader, 7, 'its data came back')
})

test('P18: where it is allowed, another replica leads uncleanly rather than a spoiled one', async () => {
  const configs = [{ name: 'unclean.leader.election.enable', value: 'true' }]
  const scene = await withTopic([7, 8], configs)
  const { it } = scene
  await assign(scene, 8, lostDirectory)
  await assign(scene, 8, incarnation('directory8'))
  assert.equal([partition(it).leader, partition(it).isr], [7, [7]])
  await assign(scene, 7, lostDirectory)
  assert.equal([partition(it).leader, partition(it).isr], [8, [8]])
})

test('who lies in a directory that is not registered may not join the ISR', async () => {
  const scene = await withTopic([8, 7])
  const { it } = scene
  const lost = partition(it).directories[1]!
  it.controller.brokerGone(7, it.committed().brokers().get(7)!.incarnationId)
  const left = lost === first ? second : first
  const { epoch } = await it.register(7, { incarnationId: incarnation('7b'), logDirs: [left] })
  scene.epochs.set(7, epoch)
  await it.beat(7, epoch)
  assert.equal(partition(it).isr, [8])
  assert.is(await alter(scene, [8, 7]), 'INELIGIBLE_REPLICA')
  assert.equal(await assign(scene, 7, left), ['NONE', 'NONE'])
  assert.is(await alter(scene, [8, 7]), 'NONE')
  assert.equal(partition(it).isr, [8, 7])
})

test('a directory that fails and is not registered again elects nobody that lies there', async () => {
  const scene = await withTopic([7])
  const { it, epochs } = scene
  const lost = partition(it).directories[0]!
  await it.beat(7, epochs.get(7)!, { offlineLogDirs: [lost] })
  assert.is(partition(it).leader, -1)
  await it.brokers(10)
  await it.beat(7, epochs.get(7)!)
  assert.is(partition(it).leader, -1)
})

test.run()
