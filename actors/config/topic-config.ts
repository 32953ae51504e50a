/**
 * What a topic's logs obey: its own overrides over the broker's configuration, in bytes and ms.
 *
 * Source: Kafka 4.3, `LogConfig` and its synonyms: `log.retention.hours`, `.minutes` and `.ms` are one setting.
 */
import { refuse } from '../../transport/protocol/errors.ts'
import type { LogConfig } from '../ports/log.ts'
import type { Config } from './config.ts'
import { type Definition, topicConfigDefinition } from './definitions.ts'
import { type ConfigValue, checkedValue, parseValue } from './validation.ts'

type Overrides = ReadonlyMap<string, string>

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** The first alternative that is set counts, in ms; saturated, since hours can exceed 2^53 ms. */
function milliseconds(config: Config, ...alternatives: [name: string, unitMs: number][]): string {
  for (const [name, unitMs] of alternatives) {
    const { value } = config.raw(name)
    if (value !== null) return unitMs === 1 ? value : `${config.int(name) * unitMs}`
  }
  return '-1'
}

const inheritedTimes: Record<string, (config: Config) => string> = {
  'retention.ms': (config) => {
    const text = milliseconds(
      config,
      ['log.retention.ms', 1],
      ['log.retention.minutes', minuteMs],
      ['log.retention.hours', hourMs],
    )
    return text.trim().startsWith('-') ? '-1' : text
  },
  'segment.ms': (config) => milliseconds(config, ['log.roll.ms', 1], ['log.roll.hours', hourMs]),
  'segment.jitter.ms': (config) =>
    milliseconds(config, ['log.roll.jitter.ms', 1], ['log.roll.jitter.hours', hourMs]),
  'flush.ms': (config) =>
    milliseconds(config, ['log.flush.interval.ms', 1], ['log.flush.scheduler.interval.ms', 1]),
}

function definitionOf(name: string): Definition {
  return (
    topicConfigDefinition(name) ?? refuse('INVALID_CONFIG', `Unknown topic config name: ${name}`)
  )
}

/** What holds for a topic that does not set `name` itself; null where nothing does. */
export function inheritedTopicConfig(config: Config, name: string): string | null {
  const { brokerSynonym, defaultValue } = definitionOf(name)
  const time = inheritedTimes[name]
  if (time !== undefined) return time(config)
  return brokerSynonym === null ? defaultValue : config.raw(brokerSynonym).value
}

/**
 * Refuses overrides that are unknown, no value of their type, out of bounds or at odds with each other.
 * @param overrides all that the topic would have set
 * @throws KafkaError INVALID_CONFIG
 */
export function validateTopicConfigs(config: Config, overrides: Overrides): void {
  const values = new Map<string, ConfigValue>()
  for (const [name, text] of overrides) values.set(name, checkedValue(definitionOf(name), text))
  if (values.get('remote.storage.enable') === true) {
    refuse('INVALID_CONFIG', 'remote.storage.enable: tiered storage is not offered')
  }
  const { minCompactionLagMs, maxCompactionLagMs } = lags(config, overrides)
  if (minCompactionLagMs > maxCompactionLagMs) {
    refuse(
      'INVALID_CONFIG',
      `min.compaction.lag.ms (${minCompactionLagMs}) is above max.compaction.lag.ms (${maxCompactionLagMs})`,
    )
  }
}

/** One value of a topic's configuration, effective: override, else broker, else default. */
function effective(config: Config, overrides: Overrides, name: string): ConfigValue | null {
  const text = overrides.get(name) ?? inheritedTopicConfig(config, name)
  return text === null ? null : parseValue(name, definitionOf(name).type, text)
}

const lags = (config: Config, overrides: Overrides) => ({
  minCompactionLagMs: effective(config, overrides, 'min.compaction.lag.ms') as number,
  maxCompactionLagMs: effective(config, overrides, 'max.compaction.lag.ms') as number,
})

/** An effective configuration of a topic that is a number, such as `min.insync.replicas`. */
export const topicInt = (config: Config, overrides: Overrides, name: string): number =>
  effective(config, overrides, name) as number

/** An effective configuration of a topic that is yes or no, such as `unclean.leader.election.enable`. */
export const topicBool = (config: Config, overrides: Overrides, name: string): boolean =>
  effective(config, overrides, name) as boolean

/** @param overrides valid ones: they were checked before they entered the metadata log */
export function effectiveTopicConfig(config: Config, overrides: Overrides): LogConfig {
  const int = (name: string) => effective(config, overrides, name) as number
  const text = <T>(name: string) => effective(config, overrides, name) as T
  return {
    segmentBytes: text<number | null>('internal.segment.bytes') ?? int('segment.bytes'),
    segmentMs: int('segment.ms'),
    segmentJitterMs: int('segment.jitter.ms'),
    segmentIndexBytes: int('segment.index.bytes'),
    indexIntervalBytes: int('index.interval.bytes'),
    retentionBytes: Math.max(-1, int('retention.bytes')),
    retentionMs: int('retention.ms'),
    maxMessageBytes: int('max.message.bytes'),
    cleanupPolicy: text<LogConfig['cleanupPolicy']>('cleanup.policy'),
    messageTimestampType: text<LogConfig['messageTimestampType']>('message.timestamp.type'),
    messageTimestampBeforeMaxMs: int('message.timestamp.before.max.ms'),
    messageTimestampAfterMaxMs: int('message.timestamp.after.max.ms'),
    compressionType: text<LogConfig['compressionType']>('compression.type'),
    fileDeleteDelayMs: int('file.delete.delay.ms'),
    flushMessages: int('flush.messages'),
    flushMs: int('flush.ms'),
    deleteRetentionMs: int('delete.retention.ms'),
    minCompactionLagMs: int('min.compaction.lag.ms'),
    maxCompactionLagMs: int('max.compaction.lag.ms'),
    minCleanableDirtyRatio: int('min.cleanable.dirty.ratio'),
    producerIdExpirationMs: config.int('producer.id.expiration.ms'),
  }
}
