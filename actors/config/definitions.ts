/**
 * What can be configured, by Kafka's names: types, defaults, bounds, and which broker configuration
 * stands behind one of a topic or a group.
 *
 * Source: Kafka 4.3.0, as tables in `tables/`; `natsTable` is ours.
 */
import { brokerTable } from './tables/broker.ts'
import { natsTable } from './tables/nats.ts'
import {
  clientMetricsTable,
  groupTable,
  ipTable,
  topicTable,
  userClientTable,
} from './tables/resources.ts'
import { securityTable } from './tables/security.ts'
import { type Bound, parseBound } from './validation.ts'

export type ConfigType =
  | 'boolean'
  | 'string'
  | 'int'
  | 'short'
  | 'long'
  | 'double'
  | 'list'
  | 'class'
  | 'password'

/** Which dynamic values a broker obeys; 'internal' ones are read-only and never described. */
export type UpdateMode = 'read-only' | 'cluster-wide' | 'per-broker' | 'per-resource' | 'internal'

export type Definition = {
  name: string
  type: ConfigType
  mode: UpdateMode
  /** As Kafka writes it; null where there is none. */
  defaultValue: string | null
  required: boolean
  bound: Bound | null
  /** The broker configuration that holds where a topic's or group's own is not set. */
  brokerSynonym: string | null
}

type Definitions = ReadonlyMap<string, Definition>

function rowsOf(table: string): string[][] {
  return table
    .trim()
    .split('\n')
    .map((row) => row.split(/\s{2,}/).map((cell) => (cell === '-' ? '' : cell)))
}

function defaultOf(cell: string): Pick<Definition, 'defaultValue' | 'required'> {
  if (cell === 'null' || cell === 'required') {
    return { defaultValue: null, required: cell === 'required' }
  }
  return { defaultValue: cell === '""' ? '' : cell, required: false }
}

function nodeDefinitions(...tables: string[]): Definitions {
  const definitions = tables.flatMap(rowsOf).map(([name, type, mode, initial, valid = '']) => ({
    name: name!,
    type: type as ConfigType,
    mode: mode as UpdateMode,
    ...defaultOf(initial!),
    bound: parseBound(valid),
    brokerSynonym: null,
  }))
  return new Map(definitions.map((definition) => [definition.name, definition]))
}

function resourceDefinitions(table: string): Definitions {
  const definitions = rowsOf(table).map(
    ([name, type, initial, synonym = '', valid = '', mode = 'per-resource']) => ({
      name: name!,
      type: type as ConfigType,
      mode: mode as UpdateMode,
      ...defaultOf(initial!),
      bound: parseBound(valid),
      brokerSynonym: synonym === '' ? null : synonym,
    }),
  )
  return new Map(definitions.map((definition) => [definition.name, definition]))
}

/** Kafka's configurations of a node. */
export const brokerDefinitions = nodeDefinitions(brokerTable, securityTable)
/** Ours, in the same file. */
export const natsDefinitions = nodeDefinitions(natsTable)
export const topicDefinitions = resourceDefinitions(topicTable)
export const groupDefinitions = resourceDefinitions(groupTable)
export const userClientDefinitions = resourceDefinitions(userClientTable)
export const ipDefinitions = resourceDefinitions(ipTable)
export const clientMetricsDefinitions = resourceDefinitions(clientMetricsTable)

export const brokerConfigDefinition = (name: string) => brokerDefinitions.get(name)
export const topicConfigDefinition = (name: string) => topicDefinitions.get(name)
/** What may stand in a node's properties: Kafka's names and ours. */
export const nodeConfigDefinition = (name: string) =>
  brokerDefinitions.get(name) ?? natsDefinitions.get(name)

/** One setting in several units or under several names: the first that is set counts. */
const alternatives = [
  ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
  ['log.roll.ms', 'log.roll.hours'],
  ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
]

/** The names that a broker configuration may also be set by, itself among them, strongest first. */
export function brokerSynonyms(name: string): string[] {
  // The scheduler's interval is a setting of its own; the flush interval merely falls back to it.
  if (name === 'log.flush.scheduler.interval.ms') return [name]
  return alternatives.find((group) => group.includes(name)) ?? [name]
}
