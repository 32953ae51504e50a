/** Who leads and who is in sync, as brokers die, return, stop and ask. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PartitionState } from '../../actors/metadata/image.ts'
import type { Request } from '../../transport/protocol/api.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import { ElectLeaders } from '../../transport/schemas/43-elect-leaders.ts'
import { IncrementalAlterConfigs } from '../../transport/schemas/44-incremental-alter-configs.ts'
import { AlterPartitionReassignments } from '../../transport/schemas/45-alter-partition-reassignments.ts'
import { ListPartitionReassignments } from '../../transport/schemas/46-list-partition-reassignments.ts'
import { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import { assigned } from './requests.ts'
import { active, incarnation, registration, settle, type World } from './world.ts'

type Epochs = ReadonlyMap<number, number>

async function withTopic(replicas: number[][], properties: Record<string, string> = {}) {
  const it = await active(properties)
  const epochs = await it.brokers(...[...new Set([7, 8, 9, ...replicas.flat()])].sort())
  const topics = [assigned('t', ...replicas)]
  const answer = await it.ask(CreateTopics, { topics, timeoutMs: 1_000, validateOnly: false })
  assert.is(answer.topics[0]!.errorCode, 0)
  return { it, epochs, topicId: answer.topics[0]!.topicId }
}

const partition = (it: World, index = 0): PartitionState =>
  it.committed().topicByName('t')!.partition(index)!

async function dies(it: World, brokerId: number): Promise<void> {
  it.controller.brokerGone(brokerId, registration(brokerId).incarnationId)
  await settle()
}

type Asked = Request<typeof AlterPartition>['topics'][number]['partitions'][number]

/** What the leader would ask, unless told otherwise. */
async function alter(
  it: World,
  { topicId, epochs }: { topicId: string; epochs: Epochs },
  isr: number[],
  more: Partial<Asked> & { brokerId?: number; memberEpoch?: number } = {},
) {
  const { leader, leaderEpoch, partitionEpoch, leaderRecoveryState } = partition(it)
  const { brokerId = leader, memberEpoch, ...asked } = more
  const answer = await it.ask(AlterPartition, {
    brokerId,
    brokerEpoch: epochs.get(brokerId)!,
    topics: [
      {
        topicId,
        partitions: [
          {
            partitionIndex: 0,
            leaderEpoch,
            partitionEpoch,
            leaderRecoveryState,
            newIsr: [],
            newIsrWithEpochs: isr.map((id) => ({
              brokerId: id,
              brokerEpoch: memberEpoch ?? epochs.get(id) ?? -1,
            })),
            ...asked,
          },
        ],
      },
    ],
  })
  return {
    top: errorName(answer.errorCode),
    error: errorName(answer.topics[0]?.partitions[0]?.errorCode ?? 0),
    answer: answer.topics[0]?.partitions[0],
  }
}

test('a dead leader is followed by a member of the ISR, and both epochs rise', async () => {
  const { it } = await withTopic([[7, 8, 9]])
  await dies(it, 7)
  const { leader, isr, leaderEpoch, partitionEpoch } = partition(it)
  assert.equal([leader, isr, leaderEpoch, partitionEpoch], [8, [8, 9], 1, 1])
})

test('a dead follower leaves the ISR; the leader and its epoch stay', async () => {
  const { it } = await withTopic([[7, 8, 9]])
  await dies(it, 9)
  const { leader, isr, leaderEpoch, partitionEpoch } = partition(it)
  assert.equal([leader, isr, leaderEpoch, partitionEpoch], [7, [7, 8], 0, 1])
})

test('fencing writes the partitions first and `fenced` last', async () => {
  const { it } = await withTopic([
    [7, 8],
    [8, 7],
  ])
  const before = it.records().length
  await dies(it, 7)
  const added = it.records().slice(before)
  assert.equal(
    added.map(({ type }) => type),
    ['PartitionChangeRecord', 'PartitionChangeRecord', 'BrokerRegistrationChangeRecord'],
  )
})

test('M7: what a death costs depends on what it touches', async () => {
  const { it } = await withTopic([[7, 8], ...Array.from({ length: 50 }, () => [8, 9])])
  const before = it.records().length
  await dies(it, 7)
  assert.is(it.records().length - before, 2)
})

test('P9: the last member stays in the ISR without a leader, and leads again when it is back', async () => {
  const { it } = await withTopic([[7, 8]])
  await dies(it, 8)
  await dies(it, 7)
  assert.equal([partition(it).leader, partition(it).isr], [-1, [7]])
  const { epoch: other } = await it.register(8, { incarnationId: incarnation('8b') })
  await it.beat(8, other)
  assert.is(partition(it).leader, -1, 'P18: who is not in sync does not lead')
  const { epoch } = await it.register(7, { incarnationId: incarnation('7b') })
  await it.beat(7, epoch)
  assert.equal([partition(it).leader, partition(it).isr, partition(it).leaderEpoch], [7, [7], 2])
})

test('P18: an unclean leader only where it is configured, alone in the ISR, recovering', async () => {
  const { it, epochs, topicId } = await withTopic([[7, 8]])
  await dies(it, 8)
  await dies(it, 7)
  const { epoch } = await it.register(8, { incarnationId: incarnation('8b') })
  await it.beat(8, epoch)
  assert.is(partition(it).leader, -1)
  const answer = await it.ask(IncrementalAlterConfigs, {
    resources: [
      {
        resourceType: 2,
        resourceName: 't',
        configs: [{ name: 'unclean.leader.election.enable', configOperation: 0, value: 'true' }],
      },
    ],
    validateOnly: false,
  })
  assert.is(answer.responses[0]!.errorCode, 0)
  const elected = partition(it)
  assert.equal([elected.leader, elected.isr, elected.leaderRecoveryState], [8, [8], 1])
  const now = { topicId, epochs: new Map([...epochs, [8, epoch]]) }
  const still = await alter(it, now, [8, 7], { memberEpoch: -1 })
  assert.is(still.error, 'INVALID_REQUEST', 'it may not grow while it recovers')
  assert.is((await alter(it, now, [8], { leaderRecoveryState: 0 })).error, 'NONE')
  assert.is(partition(it).leaderRecoveryState, 0)
})

test('P11: an ISR change is a compare-and-set on both epochs', async () => {
  const { it, ...of } = await withTopic([[7, 8, 9]])
  const shrunk = await alter(it, of, [7, 8])
  assert.equal(
    [shrunk.error, shrunk.answer?.isr, shrunk.answer?.partitionEpoch],
    ['NONE', [7, 8], 1],
  )
  for (const [isr, more, error] of [
    [[7], { partitionEpoch: 0 }, 'INVALID_UPDATE_VERSION'],
    [[7], { partitionEpoch: 9 }, 'NOT_CONTROLLER'],
    [[7], { leaderEpoch: 9 }, 'NOT_CONTROLLER'],
    [[7], { leaderEpoch: -1 }, 'FENCED_LEADER_EPOCH'],
    [[8], { brokerId: 8 }, 'INVALID_REQUEST'],
    [[8], {}, 'INVALID_REQUEST'],
    [[7, 7], {}, 'INVALID_REQUEST'],
    [[7, 1], {}, 'INVALID_REQUEST'],
    [[7, 8], { partitionIndex: 4 }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    [[7, 8], { leaderRecoveryState: 1 }, 'INVALID_REQUEST'],
  ] as const) {
    assert.is((await alter(it, of, [...isr], more)).error, error)
  }
  const unknown = await alter(it, { ...of, topicId: 'x'.padEnd(22, 'A') }, [7])
  assert.is(unknown.error, 'UNKNOWN_TOPIC_ID')
  const same = await alter(it, of, [7, 8])
  assert.equal([same.error, same.answer?.partitionEpoch], ['NONE', 1], 'nothing changes')
  const stale = await alter(it, { ...of, epochs: new Map([[7, 1]]) }, [7])
  assert.is(stale.top, 'STALE_BROKER_EPOCH')
})

test('P10: fenced, stopping and earlier members may not join', async () => {
  const { it, ...of } = await withTopic([[7, 8, 9]])
  await alter(it, of, [7])
  assert.is((await alter(it, of, [7, 8], { memberEpoch: 1 })).error, 'INELIGIBLE_REPLICA')
  await dies(it, 8)
  assert.is((await alter(it, of, [7, 8])).error, 'INELIGIBLE_REPLICA')
  await it.beat(9, of.epochs.get(9)!, { wantShutDown: true })
  assert.is((await alter(it, of, [7, 9])).error, 'INELIGIBLE_REPLICA')
  assert.equal(partition(it).isr, [7])
})

test('stopping-broker-rejoins: a stopping leader hands over and stops when all have seen it', async () => {
  const { it, epochs } = await withTopic([[7, 8, 9]])
  const seen = it.quorum.endOffset() - 1
  const first = await it.beat(7, epochs.get(7)!, {
    wantShutDown: true,
    currentMetadataOffset: seen,
  })
  assert.is(first.shouldShutDown, false)
  assert.equal([partition(it).leader, partition(it).isr], [8, [8, 9]])
  const types = it
    .records()
    .slice(-2)
    .map(({ type }) => type)
  assert.equal(types, ['BrokerRegistrationChangeRecord', 'PartitionChangeRecord'])
  for (const id of [8, 9]) await it.beat(id, epochs.get(id)!, { currentMetadataOffset: seen })
  const early = await it.beat(7, epochs.get(7)!, { wantShutDown: true })
  assert.is(early.shouldShutDown, false, 'others still look for it')
  for (const id of [8, 9]) await it.beat(id, epochs.get(id)!)
  const late = await it.beat(7, epochs.get(7)!, { wantShutDown: true })
  assert.equal([late.shouldShutDown, late.isFenced], [true, true])
})

const elect = async (it: World, electionType: number, partitions: number[] | null) => {
  const answer = await it.ask(ElectLeaders, {
    electionType,
    topicPartitions: partitions && [{ topic: 't', partitions }],
    timeoutMs: 1_000,
  })
  return answer.replicaElectionResults.flatMap(({ partitionResult }) =>
    partitionResult.map(({ partitionId, errorCode }) => `${partitionId} ${errorName(errorCode)}`),
  )
}

test('a preferred leader is elected by request once it is in sync again', async () => {
  const { it, ...of } = await withTopic([
    [7, 8],
    [8, 7],
  ])
  await dies(it, 7)
  assert.equal(await elect(it, 0, [0, 1, 2]), [
    '0 PREFERRED_LEADER_NOT_AVAILABLE',
    '1 ELECTION_NOT_NEEDED',
    '2 UNKNOWN_TOPIC_OR_PARTITION',
  ])
  const { epoch } = await it.register(7, { incarnationId: incarnation('7b') })
  await it.beat(7, epoch)
  const now = { ...of, epochs: new Map([...of.epochs, [7, epoch]]) }
  assert.is((await alter(it, now, [8, 7])).error, 'NONE')
  assert.equal(await elect(it, 0, null), ['0 NONE'])
  assert.is(partition(it).leader, 7)
})

test('auto.leader.rebalance brings preferred leaders back by itself', async () => {
  const { it, ...of } = await withTopic([[7, 8]], {
    'auto.leader.rebalance.enable': 'true',
    'leader.imbalance.check.interval.seconds': '5',
  })
  await dies(it, 7)
  const { epoch } = await it.register(7, { incarnationId: incarnation('7b') })
  await it.beat(7, epoch)
  const now = { ...of, epochs: new Map([...of.epochs, [7, epoch]]) }
  await alter(it, now, [8, 7])
  assert.is(partition(it).leader, 8)
  await it.clock.advance(5_000)
  assert.is(partition(it).leader, 7)
})

test('an unclean election by request needs a live replica', async () => {
  const { it } = await withTopic([[7, 8]])
  await dies(it, 8)
  assert.equal(await elect(it, 1, [0]), ['0 ELECTION_NOT_NEEDED'])
  await dies(it, 7)
  assert.equal(await elect(it, 1, [0]), ['0 ELIGIBLE_LEADERS_NOT_AVAILABLE'])
  const { epoch } = await it.register(8, { incarnationId: incarnation('8b') })
  await it.beat(8, epoch)
  assert.equal(await elect(it, 1, [0]), ['0 NONE'])
  assert.equal([partition(it).leader, partition(it).leaderRecoveryState], [8, 1])
})

const reassign = async (it: World, replicas: number[] | null, index = 0) => {
  const answer = await it.ask(AlterPartitionReassignments, {
    timeoutMs: 1_000,
    allowReplicationFactorChange: true,
    topics: [{ name: 't', partitions: [{ partitionIndex: index, replicas }] }],
  })
  return errorName(answer.responses[0]!.partitions[0]!.errorCode)
}

const list = async (it: World) => {
  const answer = await it.ask(ListPartitionReassignments, { timeoutMs: 1_000, topics: null })
  return answer.topics.flatMap(({ name, partitions }) =>
    partitions.map((one) => [name, one.replicas, one.addingReplicas, one.removingReplicas]),
  )
}

test('a reassignment ends when the ISR holds the new replicas, and the old leader goes', async () => {
  const { it, ...of } = await withTopic([[7, 8]])
  assert.is(await reassign(it, [9, 8]), 'NONE')
  assert.equal(await list(it), [['t', [9, 8, 7], [9], [7]]])
  assert.equal([partition(it).leader, partition(it).isr], [7, [7, 8]])
  const done = await alter(it, of, [7, 8, 9])
  assert.is(done.error, 'NEW_LEADER_ELECTED')
  const { replicas, isr, leader, leaderEpoch, directories } = partition(it)
  assert.equal([replicas, [...isr].sort(), leader, leaderEpoch], [[9, 8], [8, 9], 9, 1])
  assert.equal(
    directories,
    [9, 8].map((id) => registration(id).logDirs[0]),
  )
  assert.equal(await list(it), [])
})

test('who loses a replica learns it by a new leader epoch, though the leader stays', async () => {
  const { it } = await withTopic([[7, 8, 9]])
  assert.is(await reassign(it, [7, 8]), 'NONE')
  const { replicas, isr, leader, leaderEpoch } = partition(it)
  assert.equal([replicas, isr, leader, leaderEpoch], [[7, 8], [7, 8], 7, 1])
})

test('a reassignment is cancelled, and what is refused changes nothing', async () => {
  const { it } = await withTopic([[7, 8]])
  assert.is(await reassign(it, null), 'NO_REASSIGNMENT_IN_PROGRESS')
  assert.is(await reassign(it, [9, 9]), 'INVALID_REPLICA_ASSIGNMENT')
  assert.is(await reassign(it, [5]), 'INVALID_REPLICA_ASSIGNMENT')
  assert.is(await reassign(it, []), 'INVALID_REPLICA_ASSIGNMENT')
  assert.is(await reassign(it, [9], 3), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.is(await reassign(it, [9, 8]), 'NONE')
  assert.is(await reassign(it, null), 'NONE')
  const { replicas, isr, leader, addingReplicas } = partition(it)
  // As in Kafka, the order of before is not remembered.
  assert.equal([replicas, isr, leader, addingReplicas], [[8, 7], [7, 8], 7, []])
})

test('P19: fewer replicas only when all who stay are in sync', async () => {
  const { it, ...of } = await withTopic([[7, 8, 9]])
  await alter(it, of, [7, 8])
  assert.is(await reassign(it, [7, 9]), 'NONE')
  assert.equal(partition(it).removingReplicas, [8])
  assert.is((await alter(it, of, [7, 8, 9])).error, 'NONE')
  assert.equal(
    [partition(it).replicas, partition(it).isr],
    [
      [7, 9],
      [7, 9],
    ],
  )
})

test('P19: a reassignment does not take the ISR below min.insync.replicas', async () => {
  const { it, ...of } = await withTopic([[7, 8, 9]], { 'min.insync.replicas': '2' })
  const { epoch } = await it.register(6)
  await it.beat(6, epoch)
  const now = { ...of, epochs: new Map([...of.epochs, [6, epoch]]) }
  await alter(it, now, [7, 8])
  assert.is(await reassign(it, [9, 6, 8]), 'NONE')
  await it.beat(8, of.epochs.get(8)!, { wantShutDown: true })
  assert.is((await alter(it, now, [7, 6])).error, 'NONE')
  assert.equal(partition(it).removingReplicas, [7], '6 alone would be too few')
  assert.is((await alter(it, now, [7, 6, 9])).error, 'NEW_LEADER_ELECTED')
  assert.equal(partition(it).isr.toSorted(), [6, 9])
})

test('a failed directory takes its replicas out of every ISR, and out of the registration', async () => {
  const it = await active()
  const logDirs = ['one', 'two'].map((name) => name.padEnd(22, 'A'))
  const { epoch } = await it.register(7, { logDirs })
  await it.beat(7, epoch)
  await it.beat(7, epoch, { offlineLogDirs: [logDirs[0]!] })
  assert.equal(it.committed().brokers().get(7)?.logDirs, [logDirs[1]])
})

test('partitions spread over the directories of a broker; leadership leaves the one that fails', async () => {
  const it = await active()
  const logDirs = ['one', 'two'].map((name) => name.padEnd(22, 'A'))
  const { epoch } = await it.register(7, { logDirs })
  await it.beat(7, epoch)
  await it.brokers(8)
  const topics = [assigned('t', [7, 8], [7, 8], [7, 8], [7, 8])]
  await it.ask(CreateTopics, { topics, timeoutMs: 1_000, validateOnly: false })
  const all = () => [0, 1, 2, 3].map((index) => partition(it, index))
  const lost = logDirs[0]!
  assert.is(all().filter(({ directories }) => directories[0] === lost).length, 2)
  await it.beat(7, epoch, { offlineLogDirs: [lost] })
  for (const { directories, isr, leader } of all()) {
    assert.equal([leader, isr], directories[0] === lost ? [8, [8]] : [7, [7, 8]])
  }
})

test.run()
