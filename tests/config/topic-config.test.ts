/** What a topic's logs obey, whatever unit or layer it was said in; and how that is described. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { brokerDefinitions, topicDefinitions } from '../../actors/config/definitions.ts'
import { describeBrokerConfigs, describeTopicConfigs } from '../../actors/config/describe.ts'
import { layeredConfig } from '../../actors/config/layered-config.ts'
import { effectiveTopicConfig, validateTopicConfigs } from '../../actors/config/topic-config.ts'
import { KafkaError } from '../../transport/protocol/errors.ts'

const test = suite('topic configuration')

const nothing = new Map<string, string>()
const map = (values: Record<string, string>) => new Map(Object.entries(values))
const static_ = (values: Record<string, string>) => layeredConfig(map(values))
const refused = (values: Record<string, string>): string => {
  try {
    validateTopicConfigs(static_({}), map(values))
  } catch (error) {
    assert.instance(error, KafkaError)
    assert.is((error as KafkaError).code, 'INVALID_CONFIG')
    return (error as KafkaError).message
  }
  return 'accepted'
}

test('every default is a value of its type and within its bound', () => {
  const config = static_({})
  const defaults = [...topicDefinitions.values()].filter((d) => d.defaultValue !== null)
  validateTopicConfigs(config, new Map(defaults.map((d) => [d.name, d.defaultValue!])))
  for (const { name, type, defaultValue } of brokerDefinitions.values()) {
    if (defaultValue === null) continue
    if (type === 'int' || type === 'long' || type === 'short')
      assert.type(config.int(name), 'number')
    if (type === 'double') assert.type(config.double(name), 'number')
    if (type === 'boolean') assert.type(config.bool(name), 'boolean')
  }
})

test("nothing set: Kafka's defaults", () => {
  const logs = effectiveTopicConfig(static_({}), nothing)
  assert.is(logs.retentionMs, 7 * 24 * 3_600_000)
  assert.is(logs.segmentMs, 7 * 24 * 3_600_000)
  assert.is(logs.segmentBytes, 1_073_741_824)
  assert.is(logs.flushMs, Number.MAX_SAFE_INTEGER, 'Long.MAX_VALUE saturates')
  assert.equal(logs.cleanupPolicy, ['delete'])
  assert.is(logs.minCleanableDirtyRatio, 0.5)
})

test('the finest unit that is set counts', () => {
  const hours = { 'log.retention.hours': '2' }
  const minutes = { ...hours, 'log.retention.minutes': '3' }
  const ms = { ...minutes, 'log.retention.ms': '4' }
  assert.is(effectiveTopicConfig(static_(hours), nothing).retentionMs, 7_200_000)
  assert.is(effectiveTopicConfig(static_(minutes), nothing).retentionMs, 180_000)
  assert.is(effectiveTopicConfig(static_(ms), nothing).retentionMs, 4)
  assert.is(effectiveTopicConfig(static_(ms), map({ 'retention.ms': '5' })).retentionMs, 5)
})

test('any negative retention means none', () => {
  const config = static_({ 'log.retention.hours': '-1' })
  assert.is(effectiveTopicConfig(config, nothing).retentionMs, -1)
})

test('a refusal names value, configuration and what would do', () => {
  assert.is(
    refused({ 'segment.bytes': '5' }),
    'Invalid value 5 for configuration segment.bytes: Value must be at least 1048576',
  )
  assert.match(refused({ 'retention.ms': 'abc' }), 'Not a number of type LONG')
  assert.match(refused({ 'max.message.bytes': '99999999999' }), 'Not a number of type INT')
  assert.match(refused({ preallocate: 'maybe' }), 'true or false')
  assert.match(refused({ 'cleanup.policy': 'compact,foo' }), 'compact, delete')
  assert.match(refused({ 'min.cleanable.dirty.ratio': '2' }), 'no more than 1')
  assert.match(refused({ 'compression.gzip.level': '0' }), 'between 1 and 9 or equal to -1')
  assert.match(refused({ 'leader.replication.throttled.replicas': 'a' }), 'partition:broker')
  assert.match(refused({ 'remote.storage.enable': 'true' }), 'tiered storage')
  assert.match(refused({ 'foo.bar': '1' }), 'foo.bar')
  assert.match(
    refused({ 'min.compaction.lag.ms': '9', 'max.compaction.lag.ms': '3' }),
    'min.compaction.lag.ms',
  )
})

test('what Kafka takes is taken', () => {
  assert.is(refused({ 'cleanup.policy': '' }), 'accepted')
  assert.is(refused({ 'cleanup.policy': 'compact, delete' }), 'accepted')
  assert.is(refused({ 'retention.bytes': '-5' }), 'accepted')
  assert.is(refused({ 'compression.gzip.level': '-1' }), 'accepted')
  assert.is(refused({ 'follower.replication.throttled.replicas': '*' }), 'accepted')
  assert.is(refused({ 'leader.replication.throttled.replicas': '0:1,1:2' }), 'accepted')
})

test('dynamic values lie over the file, those of one broker over those of all', () => {
  const clusterDefaults = new Map([['log.roll.ms', '777777']])
  const broker = new Map<string, string>()
  const file = map({ 'log.roll.ms': '5', 'log.retention.hours': '168' })
  const config = layeredConfig(file, () => ({ clusterDefaults, broker }))
  assert.is(config.int('log.roll.ms'), 777_777)
  broker.set('log.roll.ms', '8')
  assert.is(config.int('log.roll.ms'), 8, 'read at each access')
  broker.clear()
  clusterDefaults.clear()
  assert.is(config.int('log.roll.ms'), 5)
})

test('a read-only name obeys the file alone', () => {
  const clusterDefaults = new Map([['num.partitions', '9']])
  const config = layeredConfig(nothing, () => ({ clusterDefaults, broker: undefined }))
  assert.is(config.int('num.partitions'), 1)
})

test('a name that does not exist, and one read as what it is not, are bugs', () => {
  assert.throws(() => static_({}).int('no.such.name'), 'invariant')
  assert.throws(() => static_({}).bool('num.partitions'), 'invariant')
})

// The three lists below are what Kafka 4.3.0 answered for the same configuration.
test('synonyms are told as Kafka tells them', () => {
  const config = layeredConfig(map({ 'log.dirs': '/tmp/d' }), () => ({
    clusterDefaults: map({ 'log.roll.ms': '777777' }),
    broker: map({ 'log.retention.ms': '888888' }),
  }))
  const topic = describeTopicConfigs(config, map({ 'retention.ms': '5000', 'flush.ms': '7' }))
  const synonyms = (described: typeof topic, of: string) =>
    described
      .find(({ name }) => name === of)!
      .synonyms.map(({ name, value, source }) => `${source}:${name}=${value}`)
  assert.equal(synonyms(topic, 'retention.ms'), [
    '1:retention.ms=5000',
    '2:log.retention.ms=888888',
    '5:log.retention.hours=168',
  ])
  assert.equal(synonyms(topic, 'segment.ms'), ['3:log.roll.ms=777777', '5:log.roll.hours=168'])
  assert.equal(synonyms(topic, 'flush.ms'), ['1:flush.ms=7'])
  assert.equal(synonyms(topic, 'segment.jitter.ms'), [])
  assert.equal(synonyms(topic, 'segment.bytes'), ['5:log.segment.bytes=1073741824'])
  const broker = describeBrokerConfigs(config)
  assert.equal(synonyms(broker, 'log.retention.hours'), ['5:log.retention.hours=168'])
  assert.equal(synonyms(broker, 'log.retention.minutes'), [])
  assert.equal(synonyms(broker, 'log.dirs'), ['4:log.dirs=/tmp/d'])
  assert.not(
    broker.some(({ name }) => name === 'unstable.api.versions.enable'),
    'internal',
  )
})

test.run()
