/**
 * Configurations as DescribeConfigs tells them: value, source, and everything that was said about
 * the name, strongest first (KIP-226).
 *
 * A configuration that only other names of its setting speak for shows no synonyms, as in Kafka.
 */
import { match } from 'ts-pattern'
import type { ConfigSource, LayeredConfig } from './config.ts'
import {
  brokerConfigDefinition,
  brokerDefinitions,
  brokerSynonyms,
  type ConfigType,
  clientMetricsDefinitions,
  type Definition,
  groupDefinitions,
  topicDefinitions,
} from './definitions.ts'
import { inheritedTopicConfig } from './topic-config.ts'

/** DescribeConfigs' `ConfigSource`. */
export const configSources = {
  unknown: 0,
  dynamicTopic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
  dynamicBrokerLogger: 6,
  clientMetrics: 7,
  group: 8,
} as const

const typeCodes: Record<ConfigType, number> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
}

export type Synonym = { name: string; value: string | null; source: number }

export type DescribedConfig = {
  name: string
  value: string | null
  readOnly: boolean
  configSource: number
  isSensitive: boolean
  synonyms: Synonym[]
  configType: number
}

const sourceCode = (source: ConfigSource): number =>
  match(source)
    .with('dynamic-broker', () => configSources.dynamicBroker)
    .with('dynamic-default', () => configSources.dynamicDefaultBroker)
    .with('static', () => configSources.staticBroker)
    .with('default', () => configSources.default)
    .exhaustive()

/** All that is set under `name` or a synonym of it, by strength, from the first entry of `name` on. */
function synonymsOf(config: LayeredConfig, name: string, sensitive: boolean): Synonym[] {
  const said = brokerSynonyms(name).flatMap((synonym) =>
    config.layers(synonym).map(({ value, source }) => ({
      name: synonym,
      value: sensitive ? null : value,
      source: sourceCode(source),
    })),
  )
  const ordered = said.sort((a, b) => a.source - b.source)
  const own = ordered.findIndex((entry) => entry.name === name)
  return own < 0 ? [] : ordered.slice(own)
}

const described = ({ mode }: Definition) => mode !== 'internal'

/** What of a topic is configured how; internal configurations are shown only when they are set. */
export function describeTopicConfigs(
  config: LayeredConfig,
  overrides: ReadonlyMap<string, string>,
): DescribedConfig[] {
  return [...topicDefinitions.values()]
    .filter((definition) => described(definition) || overrides.has(definition.name))
    .map(({ name, type, brokerSynonym }) => {
      const inherited = brokerSynonym === null ? [] : synonymsOf(config, brokerSynonym, false)
      const override = overrides.get(name)
      const synonyms =
        override === undefined
          ? inherited
          : [{ name, value: override, source: configSources.dynamicTopic }, ...inherited]
      return {
        name,
        value: override ?? inheritedTopicConfig(config, name),
        readOnly: false,
        configSource: synonyms[0]?.source ?? configSources.default,
        isSensitive: false,
        synonyms,
        configType: typeCodes[type],
      }
    })
}

/** Passwords are never told, nor are the values of names that Kafka does not know. */
const isSensitive = (name: string): boolean => {
  const definition = brokerConfigDefinition(name)
  return definition === undefined || definition.type === 'password'
}

function describeBrokerConfig(config: LayeredConfig, definition: Definition): DescribedConfig {
  const { name, type, mode } = definition
  const sensitive = isSensitive(name)
  const synonyms = synonymsOf(config, name, sensitive)
  return {
    name,
    value: sensitive ? null : config.raw(name).value,
    readOnly: mode === 'read-only' || mode === 'internal',
    configSource: synonyms[0]?.source ?? configSources.default,
    isSensitive: sensitive,
    synonyms,
    configType: typeCodes[type],
  }
}

/** One broker's configuration, by that broker itself. */
export const describeBrokerConfigs = (config: LayeredConfig): DescribedConfig[] =>
  [...brokerDefinitions.values()]
    .filter((definition) => described(definition))
    .filter(({ name }) => !isThrottle(name) || config.raw(name).source !== 'default')
    .map((definition) => describeBrokerConfig(config, definition))

/** Replication throttles are no configurations of the node's file: they exist once they are set. */
const isThrottle = (name: string): boolean =>
  name.endsWith('.replication.throttled.rate') ||
  name === 'replica.alter.log.dirs.io.max.bytes.per.second'

/** The dynamic values that all brokers share (resource name ''). */
export function describeClusterConfigs(values: ReadonlyMap<string, string>): DescribedConfig[] {
  return [...values].map(([name, value]) => {
    const sensitive = isSensitive(name)
    const shown = sensitive ? null : value
    return {
      name,
      value: shown,
      readOnly: false,
      configSource: configSources.dynamicDefaultBroker,
      isSensitive: sensitive,
      synonyms: [{ name, value: shown, source: configSources.dynamicDefaultBroker }],
      configType: typeCodes[brokerConfigDefinition(name)?.type ?? 'string'],
    }
  })
}

/** What a group is set to; what is not set comes from the broker's configuration for its kind of group. */
export const describeGroupConfigs = (
  config: LayeredConfig,
  values: ReadonlyMap<string, string>,
): DescribedConfig[] =>
  [...groupDefinitions.values()].map(({ name, type, brokerSynonym, defaultValue }) => {
    const own = values.get(name)
    const inherited =
      brokerSynonym === null
        ? [{ name, value: defaultValue, source: configSources.default }]
        : synonymsOf(config, brokerSynonym, false)
    const synonyms =
      own === undefined
        ? inherited
        : [{ name, value: own, source: configSources.group }, ...inherited]
    return resourceConfig(name, type, synonyms)
  })

/** A subscription to client metrics: what is not set has its default, of which nobody spoke. */
export const describeClientMetrics = (values: ReadonlyMap<string, string>): DescribedConfig[] =>
  [...clientMetricsDefinitions.values()].map(({ name, type, defaultValue }) => {
    const own = values.get(name)
    if (own === undefined) return { ...resourceConfig(name, type, []), value: defaultValue }
    return resourceConfig(name, type, [{ name, value: own, source: configSources.clientMetrics }])
  })

const resourceConfig = (name: string, type: ConfigType, synonyms: Synonym[]): DescribedConfig => ({
  name,
  value: synonyms[0]?.value ?? null,
  readOnly: false,
  configSource: synonyms[0]?.source ?? configSources.default,
  isSensitive: false,
  synonyms,
  configType: typeCodes[type],
})
