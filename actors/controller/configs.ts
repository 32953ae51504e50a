/**
 * Configurations of topics, brokers and groups changed by request (KIP-226, 339). A resource is changed
 * as a whole or not at all; what it would then have set is validated together.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { errorCodes, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { AlterConfigs } from '../../transport/schemas/33-alter-configs.ts'
import type { IncrementalAlterConfigs } from '../../transport/schemas/44-incremental-alter-configs.ts'
import { isValidTopicName } from '../apis/topic-metadata.ts'
import { validateBrokerConfigs } from '../config/broker-config.ts'
import {
  brokerConfigDefinition,
  clientMetricsDefinitions,
  type Definition,
  groupDefinitions,
  topicConfigDefinition,
} from '../config/definitions.ts'
import { validateClientMetrics, validateGroupConfigs } from '../config/group-config.ts'
import { inheritedTopicConfig, validateTopicConfigs } from '../config/topic-config.ts'
import { splitList } from '../config/validation.ts'
import { resourceTypes } from '../metadata/apply.ts'
import type { ConfigResource } from '../metadata/image.ts'
import type { Cluster, Decision } from './cluster.ts'

type Resource = { resourceType: number; resourceName: string }
type Altered = Response<typeof AlterConfigs>['responses']
type Values = ReadonlyMap<string, string>

const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

/** @throws never for one resource: its refusal is its answer */
export function incrementalAlterConfigs(
  cluster: Cluster,
  { resources, validateOnly }: Request<typeof IncrementalAlterConfigs>,
): Decision<Altered> {
  return altered(cluster, resources, validateOnly, (of, before, { configs }) => {
    checkNamedOnce(configs)
    const after = new Map(before)
    for (const { name, configOperation, value } of configs) {
      const next = operated(cluster, of, name, before.get(name), configOperation, value)
      if (next === undefined) after.delete(name)
      else after.set(name, next)
    }
    return { after, touched: configs.map(({ name }) => name) }
  })
}

/** All that is not named goes back to its default. */
export function legacyAlterConfigs(
  cluster: Cluster,
  { resources, validateOnly }: Request<typeof AlterConfigs>,
): Decision<Altered> {
  return altered(cluster, resources, validateOnly, (_, before, { configs }) => {
    checkNamedOnce(configs)
    const after = new Map<string, string>()
    for (const { name, value } of configs) {
      after.set(name, value ?? refuse('INVALID_REQUEST', `${name} has no value`))
    }
    return { after, touched: [...after.keys(), ...before.keys()] }
  })
}

function checkNamedOnce(configs: readonly { name: string }[]): void {
  if (new Set(configs.map(({ name }) => name)).size < configs.length) {
    refuse('INVALID_REQUEST', 'a configuration is named twice')
  }
}

type Change = { after: Values; touched: string[] }

function altered<R extends Resource>(
  cluster: Cluster,
  resources: readonly R[],
  validateOnly: boolean,
  change: (of: ConfigResource, before: Values, asked: R) => Change,
): Decision<Altered> {
  const records: MetadataRecord[] = []
  const answer = resources.map((asked) => {
    const { resourceType, resourceName } = asked
    try {
      if (resources.some((other) => other !== asked && isSame(other, asked))) {
        refuse('INVALID_REQUEST', 'a resource is named twice')
      }
      const of = resourceOf(cluster, asked)
      const before = cluster.image.configs(of)
      const { after, touched } = change(of, before, asked)
      validate(cluster, of, after)
      if (!validateOnly) records.push(...changes(asked, of, before, after, touched))
      return { resourceType, resourceName, errorCode: errorCodes.NONE, errorMessage: null }
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      const { code, message: errorMessage } = error
      return { resourceType, resourceName, errorCode: errorCodes[code], errorMessage }
    }
  })
  return { records, answer }
}

const isSame = (a: Resource, b: Resource): boolean =>
  a.resourceType === b.resourceType && a.resourceName === b.resourceName

/** A broker reads its key stores anew when their names are set again, so that is told as a change. */
function changes(
  { resourceType, resourceName }: Resource,
  of: ConfigResource,
  before: Values,
  after: Values,
  touched: readonly string[],
): MetadataRecord[] {
  return [...new Set(touched)].flatMap((name): MetadataRecord[] => {
    const value = after.get(name) ?? null
    const same = value === (before.get(name) ?? null)
    if (same && (of.type !== 'broker' || value === null)) return []
    return [{ type: 'ConfigRecord', resourceType, resourceName, name, value }]
  })
}

/** @throws KafkaError for a resource that does not exist or has no configuration here */
function resourceOf({ image }: Cluster, { resourceType, resourceName }: Resource): ConfigResource {
  const type =
    resourceTypes.get(resourceType) ??
    refuse('INVALID_REQUEST', `resources of type ${resourceType} are not configured here`)
  if (type !== 'broker' && resourceName === '') {
    refuse('INVALID_REQUEST', `a ${type} is named: there are no defaults for all`)
  }
  if (type === 'topic' && !isValidTopicName(resourceName)) {
    refuse('INVALID_TOPIC_EXCEPTION', `'${resourceName}' names no topic`)
  }
  if (type === 'topic' && image.topicByName(resourceName) === undefined) {
    refuse('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic '${resourceName}'`)
  }
  if (type === 'broker' && resourceName !== '') {
    if (!/^\d+$/.test(resourceName)) {
      refuse('INVALID_REQUEST', `a broker is named by its id, not by '${resourceName}'`)
    }
    const id = Number(resourceName)
    if (!image.brokers().has(id) && !image.controllers().has(id)) {
      refuse('BROKER_ID_NOT_REGISTERED', `there is no node ${id}`)
    }
  }
  return { type, name: resourceName }
}

function definitionOf({ type }: ConfigResource, name: string): Definition | undefined {
  if (type === 'topic') return topicConfigDefinition(name)
  if (type === 'broker') return brokerConfigDefinition(name)
  return (type === 'group' ? groupDefinitions : clientMetricsDefinitions).get(name)
}

/** What one operation makes of a value; undefined: not set. */
function operated(
  cluster: Cluster,
  of: ConfigResource,
  name: string,
  before: string | undefined,
  operation: number,
  value: string | null,
): string | undefined {
  if (operation === operations.delete) return undefined
  const given = value ?? refuse('INVALID_REQUEST', `${name} has no value`)
  if (operation === operations.set) return given
  if (operation !== operations.append && operation !== operations.subtract) {
    refuse('UNKNOWN_SERVER_ERROR', `operation ${operation} is unknown`) // as Kafka
  }
  const definition = definitionOf(of, name)
  if (definition?.type !== 'list') {
    refuse('INVALID_CONFIG', `${name} is no list: it cannot be appended to or subtracted from`)
  }
  const items = splitList(before ?? initial(cluster, of, definition) ?? '')
  const named = splitList(given)
  const next =
    operation === operations.append
      ? [...items, ...named.filter((item) => !items.includes(item))]
      : items.filter((item) => !named.includes(item))
  return next.join(',')
}

/** What a list begins with where the resource does not set it itself. */
const initial = (
  { config }: Cluster,
  { type }: ConfigResource,
  { name, defaultValue }: Definition,
) => (type === 'topic' ? inheritedTopicConfig(config, name) : defaultValue)

/** @throws KafkaError INVALID_CONFIG, for brokers and client metrics INVALID_REQUEST */
function validate({ config }: Cluster, of: ConfigResource, after: Values): void {
  if (of.type === 'topic') validateTopicConfigs(config, after)
  else if (of.type === 'broker') validateBrokerConfigs(after, of.name === '')
  else if (of.type === 'group') validateGroupConfigs(config, after)
  else validateClientMetrics(after)
}
