/**
 * What a group and a subscription to client metrics may be set to. A group's values are held against
 * the bounds that its kind of group has in the broker's configuration.
 *
 * Source: Kafka's GroupConfig and ClientMetricsConfigs of 4.3.0; KIP-848, 932, 1071, 714.
 */
import { KafkaError, refuse } from '../../transport/protocol/errors.ts'
import type { Config } from './config.ts'
import {
  brokerConfigDefinition,
  clientMetricsDefinitions,
  groupDefinitions,
} from './definitions.ts'
import { checkedValue } from './validation.ts'

type Values = ReadonlyMap<string, string>

const groupKinds = ['consumer', 'share', 'streams'] as const
/** Of metrics pushed by clients, ms. */
const INTERVAL_MS_MIN = 100
const INTERVAL_MS_MAX = 3_600_000

/** @throws KafkaError INVALID_CONFIG */
export function validateGroupConfigs(config: Config, values: Values): void {
  for (const [name, text] of values) {
    const definition =
      groupDefinitions.get(name) ?? refuse('INVALID_CONFIG', `groups have no ${name}`)
    checkLimits(config, name, Number(checkedValue(definition, text)))
  }
  for (const kind of groupKinds) checkSession(config, values, kind)
}

/** `share.session.timeout.ms` lies between `group.share.min.` and `group.share.max.session.timeout.ms`. */
function checkLimits(config: Config, name: string, value: number): void {
  const [kind, ...rest] = name.replace('.num.', '.').split('.')
  const limit = (end: 'min' | 'max') => `group.${kind}.${end}.${rest.join('.')}`
  const [min, max] = [limit('min'), limit('max')]
  if (brokerConfigDefinition(min) !== undefined && value < config.int(min)) {
    refuse('INVALID_CONFIG', `${name} must be at least ${min}, ${config.int(min)}, not ${value}`)
  }
  if (brokerConfigDefinition(max) !== undefined && value > config.int(max)) {
    refuse('INVALID_CONFIG', `${name} must be at most ${max}, ${config.int(max)}, not ${value}`)
  }
}

function checkSession(config: Config, values: Values, kind: (typeof groupKinds)[number]): void {
  const configured = (name: string) =>
    Number(values.get(`${kind}.${name}`) ?? config.int(`group.${kind}.${name}`))
  const [session, heartbeat] = [
    configured('session.timeout.ms'),
    configured('heartbeat.interval.ms'),
  ]
  if (session <= heartbeat) {
    refuse('INVALID_CONFIG', `a ${kind} session of ${session} ms is no longer than ${heartbeat} ms`)
  }
}

/** @throws KafkaError INVALID_REQUEST, also for values that are none */
export function validateClientMetrics(values: Values): void {
  for (const [name, text] of values) {
    const definition =
      clientMetricsDefinitions.get(name) ??
      refuse('INVALID_REQUEST', `client metrics have no ${name}`)
    try {
      checkedValue(definition, text)
    } catch (error) {
      if (error instanceof KafkaError) refuse('INVALID_REQUEST', error.message)
      throw error
    }
    const isInterval = name === 'interval.ms'
    if (isInterval && (Number(text) < INTERVAL_MS_MIN || Number(text) > INTERVAL_MS_MAX)) {
      refuse('INVALID_REQUEST', `${name} is ${INTERVAL_MS_MIN} to ${INTERVAL_MS_MAX}, not ${text}`)
    }
  }
}
