/** Configurations are altered as a whole or not at all, and described as they hold. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { errorName } from '../../transport/protocol/errors.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import { DescribeConfigs } from '../../transport/schemas/32-describe-configs.ts'
import { AlterConfigs } from '../../transport/schemas/33-alter-configs.ts'
import { IncrementalAlterConfigs } from '../../transport/schemas/44-incremental-alter-configs.ts'
import { DescribeCluster } from '../../transport/schemas/60-describe-cluster.ts'
import { ControllerRegistration } from '../../transport/schemas/70-controller-registration.ts'
import { topic } from './requests.ts'
import { active, incarnation, type World } from './world.ts'

const topicType = 2
const brokerType = 4
const groupType = 32
const metricsType = 16
const set = 0
const remove = 1
const append = 2
const subtract = 3

type Op = [name: string, operation: number, value: string | null]

async function alter(it: World, resourceType: number, resourceName: string, ...ops: Op[]) {
  const configs = ops.map(([name, configOperation, value]) => ({ name, configOperation, value }))
  const { responses } = await it.ask(IncrementalAlterConfigs, {
    resources: [{ resourceType, resourceName, configs }],
    validateOnly: false,
  })
  return errorName(responses[0]!.errorCode)
}

async function withTopic(): Promise<World> {
  const it = await active()
  await it.brokers(7)
  await it.ask(CreateTopics, { topics: [topic('t')], timeoutMs: 1_000, validateOnly: false })
  return it
}

const valuesOf = (it: World, type: 'topic' | 'broker', name: string) =>
  Object.fromEntries(it.committed().configs({ type, name }))

test('single configurations are set, appended to, subtracted from and deleted', async () => {
  const it = await withTopic()
  assert.is(await alter(it, topicType, 't', ['retention.ms', set, '5']), 'NONE')
  assert.is(await alter(it, topicType, 't', ['cleanup.policy', append, 'compact']), 'NONE')
  assert.equal(valuesOf(it, 'topic', 't'), {
    'retention.ms': '5',
    'cleanup.policy': 'delete,compact',
  })
  const both: Op[] = [
    ['cleanup.policy', subtract, 'delete'],
    ['retention.ms', remove, null],
  ]
  assert.is(await alter(it, topicType, 't', ...both), 'NONE')
  assert.equal(valuesOf(it, 'topic', 't'), { 'cleanup.policy': 'compact' })
})

test('what is wrong is refused with the error of its resource, and nothing of it is kept', async () => {
  const it = await withTopic()
  for (const [type, name, ops, error] of [
    [topicType, 't', [['retention.ms', set, 'x']], 'INVALID_CONFIG'],
    [topicType, 't', [['no.such', set, '1']], 'INVALID_CONFIG'],
    [topicType, 't', [['retention.ms', append, '1']], 'INVALID_CONFIG'],
    [topicType, 't', [['retention.ms', set, null]], 'INVALID_REQUEST'],
    [topicType, 't', [['retention.ms', 9, '1']], 'UNKNOWN_SERVER_ERROR'],
    [topicType, 'a/b', [['retention.ms', set, '1']], 'INVALID_TOPIC_EXCEPTION'],
    [groupType, 'g', [['consumer.session.timeout.ms', set, '1']], 'INVALID_CONFIG'],
    [groupType, 'g', [['consumer.session.timeout.ms', set, '60001']], 'INVALID_CONFIG'],
    [groupType, 'g', [['streams.num.standby.replicas', set, '3']], 'INVALID_CONFIG'],
    [groupType, 'g', [['no.such', set, '1']], 'INVALID_CONFIG'],
    [metricsType, 'm', [['interval.ms', set, '99']], 'INVALID_REQUEST'],
    [metricsType, 'm', [['interval.ms', set, 'x']], 'INVALID_REQUEST'],
    [metricsType, 'm', [['no.such', set, '1']], 'INVALID_REQUEST'],
    [
      topicType,
      't',
      [
        ['retention.ms', set, '1'],
        ['retention.ms', set, '2'],
      ],
      'INVALID_REQUEST',
    ],
    [
      topicType,
      't',
      [
        ['retention.ms', set, '1'],
        ['segment.bytes', set, '1'],
      ],
      'INVALID_CONFIG',
    ],
    [topicType, '', [['retention.ms', set, '1']], 'INVALID_REQUEST'],
    [topicType, 'u', [['retention.ms', set, '1']], 'UNKNOWN_TOPIC_OR_PARTITION'],
    [brokerType, 'x', [['log.retention.ms', set, '1']], 'INVALID_REQUEST'],
    [brokerType, '9', [['log.retention.ms', set, '1']], 'BROKER_ID_NOT_REGISTERED'],
    [brokerType, '7', [['node.id', set, '1']], 'INVALID_REQUEST'],
    [8, '7', [['kafka', set, 'DEBUG']], 'INVALID_REQUEST'],
  ] as [number, string, Op[], string][]) {
    assert.is(await alter(it, type, name, ...ops), error)
  }
  assert.equal(valuesOf(it, 'topic', 't'), {})
})

test('a resource that is named twice is refused; the legacy request replaces all', async () => {
  const it = await withTopic()
  const one = (name: string, value: string) => ({
    resourceType: topicType,
    resourceName: 't',
    configs: [{ name, value }],
  })
  const twice = await it.ask(AlterConfigs, {
    resources: [one('retention.ms', '1'), one('retention.ms', '2')],
    validateOnly: false,
  })
  assert.is(errorName(twice.responses[1]!.errorCode), 'INVALID_REQUEST')
  for (const [name, value] of [
    ['retention.ms', '1'],
    ['segment.ms', '7'],
  ] as const) {
    await it.ask(AlterConfigs, { resources: [one(name, value)], validateOnly: false })
  }
  assert.equal(valuesOf(it, 'topic', 't'), { 'segment.ms': '7' })
  await it.ask(AlterConfigs, { resources: [one('segment.ms', '8')], validateOnly: true })
  assert.equal(valuesOf(it, 'topic', 't'), { 'segment.ms': '7' })
})

test('any node tells of topics and cluster defaults, and of its own configuration only', async () => {
  const it = await withTopic()
  await alter(it, topicType, 't', ['retention.ms', set, '5'])
  await alter(it, brokerType, '', ['log.retention.ms', set, '6'])
  const ask = (resourceType: number, resourceName: string, keys: string[] | null) => ({
    resourceType,
    resourceName,
    configurationKeys: keys,
  })
  const { results } = await it.ask(DescribeConfigs, {
    resources: [
      ask(topicType, 't', ['retention.ms']),
      ask(brokerType, '', null),
      ask(brokerType, '1', ['node.id']),
      ask(brokerType, '7', null),
      ask(topicType, 'u', null),
      ask(8, '1', null),
    ],
    includeSynonyms: false,
    includeDocumentation: false,
  })
  assert.equal(
    results.map(({ errorCode, configs }) => [
      errorName(errorCode),
      configs.map(({ name, value, configSource }) => [name, value, configSource]),
    ]),
    [
      ['NONE', [['retention.ms', '5', 1]]],
      ['NONE', [['log.retention.ms', '6', 3]]],
      ['NONE', [['node.id', '1', 4]]],
      ['INVALID_REQUEST', []],
      ['UNKNOWN_TOPIC_OR_PARTITION', []],
      ['INVALID_REQUEST', []],
    ],
  )
})

test('a controller listener lists controllers, and says which is active', async () => {
  const it = await active()
  for (const id of [2, 1]) {
    await it.ask(ControllerRegistration, {
      controllerId: id,
      incarnationId: incarnation(`c${id}`),
      zkMigrationReady: false,
      listeners: [{ name: 'CONTROLLER', host: 'h', port: 9_090 + id, securityProtocol: 0 }],
      features: [],
    })
  }
  const ask = (endpointType: number) =>
    it.ask(DescribeCluster, {
      includeClusterAuthorizedOperations: false,
      endpointType,
      includeFencedBrokers: false,
    })
  const answer = await ask(2)
  assert.equal([answer.controllerId, answer.brokers.map(({ port }) => port)], [1, [9091, 9092]])
  assert.is(errorName((await ask(1)).errorCode), 'MISMATCHED_ENDPOINT_TYPE')
  assert.is(errorName((await ask(3)).errorCode), 'UNSUPPORTED_ENDPOINT_TYPE')
})

test.run()
