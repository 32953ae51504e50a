/** OffsetCommit and OffsetFetch: what is told is committed, and belongs to a topic. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { offsetCommit } from '../../actors/apis/08-offset-commit.ts'
import { offsetFetch } from '../../actors/apis/09-offset-fetch.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { OffsetCommit } from '../../transport/schemas/08-offset-commit.ts'
import { OffsetFetch } from '../../transport/schemas/09-offset-fetch.ts'
import { commit, committed, settle } from './members.ts'
import { type Broker, coordinated } from './support.ts'

const one = (broker: Broker, version: number, partitions: number[], topic = 'orders') =>
  broker.ask(offsetFetch, OffsetFetch, version, {
    groupId: 'g',
    topics: [{ name: topic, partitionIndexes: partitions }],
    groups: [],
    requireStable: false,
  })

test('a consumer without a group commits to an empty one and reads it back', async () => {
  const { broker } = await coordinated()
  assert.equal(await commit(broker, [{ partition: 0, offset: 5, metadata: 'note' }]), ['NONE'])
  for (const version of [1, 5, 7]) {
    const { topics, errorCode } = await one(broker, version, [0, 1])
    assert.is(errorCode, 0)
    assert.equal(
      topics[0]!.partitions.map((row) => [row.committedOffset, row.metadata, row.errorCode]),
      [
        [5, 'note', 0],
        [-1, '', 0],
      ],
    )
  }
})

test('an offset is told only once it is committed', async () => {
  const { broker, clock, world } = await coordinated()
  const log = world.logs[0]!
  await commit(broker, [{ partition: 0, offset: 5 }])
  log.prompt = false
  let answered = false
  const later = commit(broker, [{ partition: 0, offset: 6 }]).then((errors) => {
    answered = true
    return errors
  })
  await clock.advance(1)
  assert.equal(await committed(broker), { 0: 5 })
  assert.not(answered)
  log.commit()
  assert.equal(await later, ['NONE'])
  assert.equal(await committed(broker), { 0: 6 })
})

test('of two commits that wait the first is told until the second is committed', async () => {
  const { broker, clock, world } = await coordinated()
  const log = world.logs[0]!
  log.prompt = false
  const both = [5, 6].map((offset) => commit(broker, [{ partition: 0, offset }]))
  await clock.advance(1)
  log.commit(1)
  assert.equal(await both[0], ['NONE'])
  assert.equal(await committed(broker), { 0: 5 })
  log.commit()
  assert.equal(await both[1], ['NONE'])
  assert.equal(await committed(broker), { 0: 6 })
})

test('a commit that is not committed in time is an error, and may count all the same', async () => {
  const { broker, clock, world } = await coordinated()
  const log = world.logs[0]!
  log.prompt = false
  const late = commit(broker, [{ partition: 0, offset: 5 }])
  await clock.advance(5_000)
  assert.equal(await late, ['COORDINATOR_NOT_AVAILABLE'])
  assert.equal(await committed(broker), {})
  log.commit()
  assert.equal(await committed(broker), { 0: 5 })
})

test('what the log refuses is not stored, and named as a coordinator names it', async () => {
  const { broker, world } = await coordinated()
  const log = world.logs[0]!
  for (const [refusal, error] of [
    ['NOT_ENOUGH_REPLICAS', 'COORDINATOR_NOT_AVAILABLE'],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'COORDINATOR_NOT_AVAILABLE'],
    ['NOT_LEADER_OR_FOLLOWER', 'NOT_COORDINATOR'],
    ['KAFKA_STORAGE_ERROR', 'NOT_COORDINATOR'],
    ['MESSAGE_TOO_LARGE', 'UNKNOWN_SERVER_ERROR'],
    ['INVALID_RECORD', 'INVALID_RECORD'],
  ] as const) {
    log.refusal = refusal
    assert.equal(await commit(broker, [{ partition: 0, offset: 5 }]), [error])
  }
  log.refusal = null
  assert.equal(await committed(broker), {})
})

test('writes that pile up are refused, not kept', async () => {
  const { broker, clock, world } = await coordinated()
  world.logs[0]!.prompt = false
  const many = Array.from({ length: 10_001 }, (_, i) =>
    commit(broker, [{ partition: 0, offset: i }]),
  )
  assert.equal(await many[10_000], ['COORDINATOR_NOT_AVAILABLE'])
  await clock.advance(5_000)
  await Promise.all(many)
})

test('each partition has its own error', async () => {
  const { broker } = await coordinated({ 'offset.metadata.max.bytes': 4 })
  assert.equal(
    await commit(broker, [
      { partition: 0, offset: 1, metadata: 'long' },
      { partition: 1, offset: 2, metadata: 'longer' },
      { partition: 9, offset: 3 },
    ]),
    ['NONE', 'OFFSET_METADATA_TOO_LARGE', 'UNKNOWN_TOPIC_OR_PARTITION'],
  )
  const nowhere = { topic: 'nowhere' }
  assert.equal(await commit(broker, [{ partition: 0, offset: 1 }], {}, nowhere), [
    'UNKNOWN_TOPIC_OR_PARTITION',
  ])
  assert.equal(await committed(broker), { 0: 1 })
})

test('who says a generation must have a group', async () => {
  const { broker } = await coordinated()
  const member = { memberId: 'm', generationId: 1 }
  const offsets = [{ partition: 0, offset: 1 }]
  assert.equal(await commit(broker, offsets, member, { version: 8 }), ['ILLEGAL_GENERATION'])
  assert.equal(await commit(broker, offsets, member, { version: 9 }), ['GROUP_ID_NOT_FOUND'])
})

test('while a group has members nobody else commits for it', async () => {
  const { broker, clock } = await coordinated()
  await settle(broker, () => clock.advance(1), 1)
  assert.equal(await commit(broker, [{ partition: 0, offset: 1 }]), ['UNKNOWN_MEMBER_ID'])
})

test('every version of a commit is taken', async () => {
  const { broker } = await coordinated()
  for (let version = 2; version <= 9; version++) {
    const offsets = [{ partition: 0, offset: version }]
    assert.equal(await commit(broker, offsets, {}, { version }), ['NONE'])
    assert.equal(await committed(broker), { 0: version })
  }
})

test('from v10 topics go by their ids', async () => {
  const { broker, topics } = await coordinated()
  const known = topics.get('orders')!.id
  const strange = Buffer.from('not a known id..').toString('base64url')
  const rows = [
    { partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: 1, committedMetadata: '' },
  ]
  const stored = await broker.ask(offsetCommit, OffsetCommit, 10, {
    groupId: 'g',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics: [
      { name: '', topicId: known, partitions: rows },
      { name: '', topicId: strange, partitions: rows },
    ],
  })
  assert.equal(
    stored.topics.map(({ topicId, partitions }) => [topicId, errorName(partitions[0]!.errorCode)]),
    [
      [known, 'NONE'],
      [strange, 'UNKNOWN_TOPIC_ID'],
    ],
  )
  const ask = { name: '', partitionIndexes: [0] }
  const { groups } = await broker.ask(offsetFetch, OffsetFetch, 10, {
    groupId: '',
    topics: [],
    groups: [
      {
        groupId: 'g',
        memberId: null,
        memberEpoch: -1,
        topics: [
          { ...ask, topicId: strange },
          { ...ask, topicId: known },
        ],
      },
      { groupId: 'g', memberId: null, memberEpoch: -1, topics: null },
    ],
    requireStable: true,
  })
  assert.equal(
    groups[0]!.topics.map(({ partitions: [row] }) => [
      errorName(row!.errorCode),
      row!.committedOffset,
      row!.committedLeaderEpoch,
    ]),
    [
      ['UNKNOWN_TOPIC_ID', -1, -1],
      ['NONE', 7, 1],
    ],
  )
  assert.equal(
    groups[1]!.topics.map(({ topicId }) => topicId),
    [known],
  )
})

test('several groups are asked for at once, and one that is elsewhere harms no other', async () => {
  const { broker, world } = await coordinated({}, 2)
  world.logs[1]!.moveTo(2)
  await broker.hear()
  const ids = ['a', 'b', 'c', 'd']
  const here = ids.filter((groupId) => broker.groups.partitionFor(groupId) === 0)
  assert.ok(here.length > 0 && here.length < ids.length, 'groups live in both partitions')
  for (const groupId of here) {
    await commit(broker, [{ partition: 0, offset: 1 }], {}, { groupId })
  }
  const { groups } = await broker.ask(offsetFetch, OffsetFetch, 8, {
    groupId: '',
    topics: [],
    groups: ids.map((groupId) => ({
      groupId,
      memberId: null,
      memberEpoch: -1,
      topics: [{ name: 'orders', topicId: ZERO_UUID, partitionIndexes: [0] }],
    })),
    requireStable: false,
  })
  for (const { groupId, errorCode, topics } of groups) {
    const isHere = here.includes(groupId)
    assert.is(errorName(errorCode), isHere ? 'NONE' : 'NOT_COORDINATOR')
    assert.is(topics.length, isHere ? 1 : 0)
  }
})

test('where a version has no place for an error of the group, the partitions have it', async () => {
  const { broker, world } = await coordinated()
  world.logs[0]!.moveTo(2)
  await broker.hear()
  const old = await one(broker, 1, [0])
  assert.is(errorName(old.topics[0]!.partitions[0]!.errorCode), 'NOT_COORDINATOR')
  const newer = await one(broker, 5, [0])
  assert.is(errorName(newer.errorCode), 'NOT_COORDINATOR')
})

test('offsets of a topic that was made anew are not those of the old one', async () => {
  const { broker, topics } = await coordinated()
  await commit(broker, [{ partition: 0, offset: 5 }])
  const fresh = Buffer.from('orders, again...').toString('base64url')
  topics.set('orders', { id: fresh, partitions: 4 })
  assert.is((await one(broker, 7, [0])).topics[0]!.partitions[0]!.committedOffset, -1)
  assert.equal(await committed(broker), {})
})

test('when a topic is deleted its offsets go, and stay away after replay', async () => {
  const { broker, topics, world } = await coordinated()
  await commit(broker, [{ partition: 0, offset: 5 }])
  await commit(broker, [{ partition: 0, offset: 6 }], {}, { topic: 'audit' })
  const { id } = topics.get('orders')!
  topics.delete('orders')
  await broker.hear({ deletedTopics: new Map([[id, { name: 'orders', partitions: 4 }]]) })
  assert.equal(await committed(broker), {})
  assert.equal(await committed(broker, 'g', 'audit'), { 0: 6 })
  const tombstones = [...world.logs[0]!.entries()].filter(({ value }) => value === null)
  assert.is(tombstones.length, 1)
})

test.run()
