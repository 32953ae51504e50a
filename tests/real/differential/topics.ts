/** Topics made, changed, shown and deleted. */

import type { Request } from '../../../transport/protocol/api.ts'
import { Metadata } from '../../../transport/schemas/03-metadata.ts'
import { CreateTopics } from '../../../transport/schemas/19-create-topics.ts'
import { DeleteTopics } from '../../../transport/schemas/20-delete-topics.ts'
import { CreatePartitions } from '../../../transport/schemas/37-create-partitions.ts'
import { ElectLeaders } from '../../../transport/schemas/43-elect-leaders.ts'
import { AlterPartitionReassignments } from '../../../transport/schemas/45-alter-partition-reassignments.ts'
import { ListPartitionReassignments } from '../../../transport/schemas/46-list-partition-reassignments.ts'
import { DescribeTopicPartitions } from '../../../transport/schemas/75-describe-topic-partitions.ts'
import type { Part } from './peer.ts'
import { makeTopic, ready, type Scenario, scenario } from './scenario.ts'

type NewTopic = Part<Request<typeof CreateTopics>['topics'][number]>

const unknownId = 'QUJDREVGR0hJSktMTU5PUA'

const one = (name: string, more: NewTopic = {}): NewTopic => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  ...more,
})

/** A refused topic each, told by what is wrong with it. */
const badTopics: Record<string, (own: string) => NewTopic[]> = {
  'replication factor above the brokers': (own) => [one(own, { replicationFactor: 2 })],
  'replication factor 0': (own) => [one(own, { replicationFactor: 0 })],
  'replication factor -2': (own) => [one(own, { replicationFactor: -2 })],
  'no partitions': (own) => [one(own, { numPartitions: 0 })],
  'partitions -2': (own) => [one(own, { numPartitions: -2 })],
  'too many partitions': (own) => [one(own, { numPartitions: 10_001 })],
  'empty name': () => [one('')],
  'name .': () => [one('.')],
  'name ..': () => [one('..')],
  'name with a slash': () => [one('a/b')],
  'name with a blank': () => [one('a b')],
  'name not ASCII': () => [one('grün')],
  'name of 250 characters': () => [one('x'.repeat(250))],
  'internal name': () => [one('__cluster_metadata')],
  'unknown configuration': (own) => [one(own, { configs: [{ name: 'no.such', value: '1' }] })],
  'configuration out of range': (own) => [
    one(own, { configs: [{ name: 'retention.bytes', value: '-2' }] }),
  ],
  'configuration not a number': (own) => [
    one(own, { configs: [{ name: 'segment.bytes', value: 'much' }] }),
  ],
  'configuration not one of a list': (own) => [
    one(own, { configs: [{ name: 'cleanup.policy', value: 'burn' }] }),
  ],
  'configuration null': (own) => [one(own, { configs: [{ name: 'segment.bytes', value: null }] })],
  'configuration empty': (own) => [one(own, { configs: [{ name: 'cleanup.policy', value: '' }] })],
  'configuration twice': (own) => [
    one(own, {
      configs: [
        { name: 'retention.ms', value: '1' },
        { name: 'retention.ms', value: '2' },
      ],
    }),
  ],
  'remote storage': (own) => [
    one(own, { configs: [{ name: 'remote.storage.enable', value: 'true' }] }),
  ],
  'the same topic twice': (own) => [one(own), one(own)],
  'the same topic twice beside another': (own) => [one(own), one(own), one(`${own}-other`)],
  'assignment and counts': (own) => [
    one(own, { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
  ],
  'assignment and partitions': (own) => [
    one(own, { replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
  ],
  'assignment to an unknown broker': (own) => [
    assigned(own, [{ partitionIndex: 0, brokerIds: [7] }]),
  ],
  'assignment to one broker twice': (own) => [
    assigned(own, [{ partitionIndex: 0, brokerIds: [1, 1] }]),
  ],
  'assignment to no broker': (own) => [assigned(own, [{ partitionIndex: 0, brokerIds: [] }])],
  'assignment with a gap': (own) => [assigned(own, [{ partitionIndex: 1, brokerIds: [1] }])],
  'assignment of a partition twice': (own) => [
    assigned(own, [
      { partitionIndex: 0, brokerIds: [1] },
      { partitionIndex: 0, brokerIds: [1] },
    ]),
  ],
}

const assigned = (name: string, assignments: NewTopic['assignments']): NewTopic => ({
  name,
  numPartitions: -1,
  replicationFactor: -1,
  assignments: assignments ?? [],
})

export const topicScenarios: Scenario[] = [
  scenario('CreateTopics makes topics', CreateTopics, async (peer, v, own) => {
    const ask = (topics: NewTopic[], validateOnly = false) =>
      peer.ask(CreateTopics, v, { topics, timeoutMs: 10_000, validateOnly })
    await ask([one(own, { numPartitions: 3 })], true)
    await ask([one(own, { numPartitions: 3 }), one(`${own}-2`)])
    await ready(peer, own, 3)
    await ask([one(own)])
    await ask([one(own)], true)
    if (v >= 4) await ask([{ name: `${own}-defaults`, numPartitions: -1, replicationFactor: -1 }])
    await ask([assigned(`${own}-assigned`, [{ partitionIndex: 0, brokerIds: [1] }])])
    await ask([
      one(`${own}-configured`, {
        configs: [
          { name: 'cleanup.policy', value: 'compact,delete' },
          { name: 'retention.ms', value: '-1' },
          { name: 'min.insync.replicas', value: '2' },
          { name: 'max.message.bytes', value: ' 2000 ' },
        ],
      }),
    ])
    await ask([])
    await ask([one(`${own}-good`), one('bad/name')])
    for (const timeoutMs of [0, -1]) {
      const topics = [one(`${own}-late${timeoutMs}`)]
      const { topics: told } = await peer.ask(CreateTopics, v, { topics, timeoutMs })
      if (told[0]?.errorCode === 0) await ready(peer, `${own}-late${timeoutMs}`)
    }
  }),

  scenario('CreateTopics refuses', CreateTopics, async (peer, v, own) => {
    for (const [wrong, topics] of Object.entries(badTopics)) {
      const name = `${own}-${wrong.replace(/[^a-z0-9]/g, '')}`
      for (const validateOnly of [true, false]) {
        peer.note('case', wrong)
        await peer.ask(CreateTopics, v, { topics: topics(name), timeoutMs: 10_000, validateOnly })
      }
    }
  }),

  scenario('CreateTopics sees names that collide', CreateTopics, async (peer, v, own) => {
    const name = `${own.replace('-', '_')}_c.d`
    const make = (...topics: string[]) =>
      peer.ask(CreateTopics, v, { topics: topics.map((name) => one(name)), timeoutMs: 10_000 })
    await make(name)
    await make(name.replace('.', '_'))
    await make(name.replaceAll('_', '.'))
    await make(`${own}-e.f`, `${own}-e_f`)
  }),

  scenario('DeleteTopics', DeleteTopics, async (peer, v, own) => {
    const id = await makeTopic(peer, own)
    await makeTopic(peer, `${own}-2`)
    const byName = (...names: (string | null)[]) =>
      peer.ask(DeleteTopics, v, {
        topics: names.map((name) => ({ name })),
        topicNames: names.map((name) => name ?? ''),
        timeoutMs: 10_000,
      })
    await byName(`${own}-none`)
    await byName('bad/name')
    await byName('')
    await byName(own, own)
    await byName(own, `${own}-none`)
    await byName(own)
    await byName()
    await peer.ask(DeleteTopics, v, { topics: [{ name: own }], topicNames: [own], timeoutMs: 0 })
    if (v < 6) return
    const topics = (...list: { name?: string | null; topicId?: string }[]) =>
      peer.ask(DeleteTopics, v, { topics: list, timeoutMs: 10_000 })
    const second = await makeTopic(peer, own)
    await topics({ name: null, topicId: id })
    await topics({ name: null, topicId: unknownId })
    await topics({ name: null })
    await topics({ name: own, topicId: second })
    await topics({ name: null, topicId: second }, { name: null, topicId: second })
    await topics({ name: own }, { name: null, topicId: second })
    await topics({ name: null, topicId: second })
    await topics({ name: null, topicId: second })
  }),

  scenario('CreatePartitions', CreatePartitions, async (peer, v, own) => {
    await makeTopic(peer, own, 2)
    type Wanted = { name: string; count: number; assignments?: { brokerIds: number[] }[] | null }
    const grow = (topics: Wanted[], validateOnly = false) =>
      peer.ask(CreatePartitions, v, {
        topics: topics.map((topic) => ({ assignments: null, ...topic })),
        timeoutMs: 10_000,
        validateOnly,
      })
    await grow([{ name: own, count: 3 }], true)
    await grow([{ name: own, count: 2 }])
    await grow([{ name: own, count: 1 }])
    await grow([{ name: own, count: 0 }])
    await grow([{ name: own, count: -1 }])
    await grow([{ name: `${own}-none`, count: 3 }])
    await grow([{ name: 'bad/name', count: 3 }])
    await grow([{ name: own, count: 3, assignments: [{ brokerIds: [7] }] }])
    await grow([{ name: own, count: 3, assignments: [{ brokerIds: [1, 1] }] }])
    await grow([{ name: own, count: 3, assignments: [{ brokerIds: [] }] }])
    await grow([{ name: own, count: 3, assignments: [] }])
    await grow([{ name: own, count: 4, assignments: [{ brokerIds: [1] }] }])
    await grow([
      { name: own, count: 3 },
      { name: own, count: 4 },
    ])
    await grow([{ name: own, count: 3, assignments: [{ brokerIds: [1] }] }])
    await grow([{ name: own, count: 5 }])
    await grow([])
    await peer.ask(CreatePartitions, v, {
      topics: [{ name: own, count: 6, assignments: null }],
      timeoutMs: 0,
    })
    await ready(peer, own, 5)
    await peer.ask(Metadata, 12, { topics: [{ name: own }] })
  }),

  scenario('Metadata of topics', Metadata, async (peer, v, own) => {
    const id = await makeTopic(peer, own, 3)
    await makeTopic(peer, `${own}-b`)
    type Asked = Part<Request<typeof Metadata>>
    const ask = (request: Asked) =>
      peer.ask(Metadata, v, { allowAutoTopicCreation: false, ...request })
    const named = (...names: string[]) => names.map((name) => ({ name }))
    await ask({ topics: named(own) })
    await ask({ topics: named(own, `${own}-b`, own) })
    if (v >= 4) await ask({ topics: named(`${own}-none`) })
    await ask({ topics: named('bad/name') })
    await ask({ topics: named('') })
    if (v >= 1) await ask({ topics: [] })
    if (v >= 8) {
      await ask({ topics: named(own), includeTopicAuthorizedOperations: true })
      await ask({ topics: named(own), includeClusterAuthorizedOperations: true })
    }
    if (v < 10) return
    await ask({ topics: [{ name: null, topicId: id }] })
    await ask({ topics: [{ name: null, topicId: unknownId }] })
    await ask({ topics: [{ name: own, topicId: id }] })
    await ask({ topics: [{ name: null }] })
    await ask({ topics: [{ name: null, topicId: id }, { name: own }] })
  }),

  scenario('Metadata of everything', Metadata, async (peer, v) => {
    await peer.ask(Metadata, v, { topics: v === 0 ? [] : null })
  }),

  scenario('Metadata makes topics', Metadata, async (peer, v, own) => {
    const ask = (name: string) =>
      peer.ask(Metadata, v, { topics: [{ name }], allowAutoTopicCreation: true })
    await ask(own)
    await ready(peer, own, 2)
    await ask(own)
    await ask('bad/name')
    await ask(own.replace('-', '.'))
    await ask(own.replace('-', '_'))
  }),

  scenario('DescribeTopicPartitions', DescribeTopicPartitions, async (peer, v, own) => {
    await makeTopic(peer, `${own}-a`, 3)
    await makeTopic(peer, `${own}-b`, 2)
    type Cursor = { topicName: string; partitionIndex: number } | null
    const ask = (names: string[], responsePartitionLimit: number, cursor: Cursor = null) =>
      peer.ask(DescribeTopicPartitions, v, {
        topics: names.map((name) => ({ name })),
        responsePartitionLimit,
        cursor,
      })
    const both = [`${own}-b`, `${own}-a`]
    await ask(both, 2_000)
    await ask(both, 2)
    await ask(both, 3)
    await ask(both, 4)
    await ask(both, 0)
    await ask(both, -1)
    await ask(both, 2, { topicName: `${own}-a`, partitionIndex: 2 })
    await ask(both, 2, { topicName: `${own}-a`, partitionIndex: 3 })
    await ask(both, 2, { topicName: `${own}-a`, partitionIndex: 4 })
    await ask(both, 2, { topicName: `${own}-a`, partitionIndex: -1 })
    await ask(both, 9, { topicName: `${own}-aa`, partitionIndex: 0 })
    await ask(both, 9, { topicName: `${own}-b`, partitionIndex: 1 })
    await ask(both, 9, { topicName: `${own}-c`, partitionIndex: 0 })
    await ask([`${own}-none`, ...both], 9)
    await ask([`${own}-a`, `${own}-a`], 9)
    await ask(['bad/name', `${own}-a`], 9)
    await ask([''], 9)
    await ask([], 1)
  }),

  scenario('ElectLeaders', ElectLeaders, async (peer, v, own) => {
    await makeTopic(peer, own, 2)
    type Wanted = { topic: string; partitions: number[] }[] | null
    const elect = (topicPartitions: Wanted, electionType = 0) =>
      peer.ask(ElectLeaders, v, { electionType, topicPartitions, timeoutMs: 10_000 })
    await elect([{ topic: own, partitions: [0, 1] }])
    await elect([{ topic: own, partitions: [0, 0] }])
    await elect([{ topic: own, partitions: [2] }])
    await elect([{ topic: own, partitions: [-1] }])
    await elect([{ topic: `${own}-none`, partitions: [0] }])
    await elect([{ topic: own, partitions: [] }])
    await elect([])
    await peer.ask(ElectLeaders, v, {
      topicPartitions: [{ topic: own, partitions: [0] }],
      timeoutMs: 0,
    })
    if (v === 0) return
    await elect([{ topic: own, partitions: [0] }], 1)
    await elect([{ topic: own, partitions: [0] }], 2)
  }),

  scenario('AlterPartitionReassignments', AlterPartitionReassignments, async (peer, v, own) => {
    await makeTopic(peer, own, 2)
    type Move = {
      name: string
      partitions: { partitionIndex: number; replicas: number[] | null }[]
    }
    const move = (topics: Move[], allowReplicationFactorChange = true) =>
      peer.ask(AlterPartitionReassignments, v, {
        topics,
        timeoutMs: 10_000,
        allowReplicationFactorChange,
      })
    const replicas = (list: number[] | null, partitionIndex = 0): Move[] => [
      { name: own, partitions: [{ partitionIndex, replicas: list }] },
    ]
    await move(replicas([1]))
    await move(replicas(null))
    await move(replicas([]))
    await move(replicas([7]))
    await move(replicas([1, 7]))
    await move(replicas([1, 1]))
    await move(replicas([-1]))
    await move(replicas([1], 2))
    await move(replicas(null, 2))
    await move([{ name: `${own}-none`, partitions: [{ partitionIndex: 0, replicas: [1] }] }])
    await move([{ name: `${own}-none`, partitions: [{ partitionIndex: 0, replicas: null }] }])
    await move([{ name: own, partitions: [] }])
    await move([...replicas([1]), ...replicas([1])])
    await move([])
    await peer.ask(AlterPartitionReassignments, v, { topics: replicas([1]), timeoutMs: 0 })
    if (v >= 1) await move(replicas([1, 7]), false)
  }),

  scenario('ListPartitionReassignments', ListPartitionReassignments, async (peer, v, own) => {
    await makeTopic(peer, own)
    const list = (topics: { name: string; partitionIndexes: number[] }[] | null) =>
      peer.ask(ListPartitionReassignments, v, { topics, timeoutMs: 10_000 })
    await list(null)
    await list([])
    await list([{ name: own, partitionIndexes: [0, 1] }])
    await list([{ name: own, partitionIndexes: [] }])
    await list([{ name: `${own}-none`, partitionIndexes: [0] }])
    await peer.ask(ListPartitionReassignments, v, { topics: null, timeoutMs: 0 })
  }),
]
