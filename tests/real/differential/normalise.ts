/**
 * What must differ between two clusters is taken out of an answer: ids become symbols in the order
 * in which they appear, times of today and a disk's sizes become words, and of messages for humans
 * only counts whether there is one. The order of a list is nobody's promise: lists are sorted.
 */
import type { Node } from '../../../transport/protocol/schema.ts'
import { nodeOf, ZERO_UUID } from '../../../transport/protocol/schema.ts'
import * as batch from '../../../transport/records/batch.ts'
import { records } from '../../../transport/records/records.ts'

export type Plain = string | number | boolean | null | Plain[] | { [name: string]: Plain }

export type Symbols = {
  /** The same word for the same value, until all is forgotten. */
  of(kind: string, value: string | number): string
  port: number
  forget(): void
}

export function symbols(port: number): Symbols {
  let known = new Map<string, string>()
  let counts = new Map<string, number>()
  return {
    port,
    of(kind, value) {
      const key = `${kind} ${value}`
      const found = known.get(key)
      if (found !== undefined) return found
      const count = (counts.get(kind) ?? 0) + 1
      counts.set(kind, count)
      known.set(key, `${kind} ${count}`)
      return `${kind} ${count}`
    },
    forget() {
      known = new Map()
      counts = new Map()
    },
  }
}

/** Fields that name an element of a list. */
const labels = [
  'name',
  'topic',
  'groupId',
  'key',
  'apiKey',
  'partitionIndex',
  'partition',
  'partitionId',
  'index',
  'nodeId',
  'resourceName',
  'clientId',
]

const dayMs = 24 * 3_600_000
const javaUuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/

type Rule = (value: Plain, seen: Symbols) => Plain

const words: Rule = (value) => (value === null ? null : 'words')
/** For humans only, and each has its own. */
const message: Rule = () => 'a message'
const symbol =
  (kind: string): Rule =>
  (value, seen) =>
    value === '' ||
    value === null ||
    (typeof value === 'number' && (value < 0 || (kind === 'session' && value === 0)))
      ? value
      : seen.of(kind, value as string | number)
const size: Rule = (value) => (typeof value === 'number' && value > 0 ? 'bytes' : value)
/** A client's id, then a uuid: which is kept, the other is a symbol. */
const memberId: Rule = (value, seen) =>
  String(value).replace(javaUuid, (id) => seen.of('member', id))
const offset: Rule = (value) => (typeof value === 'number' && value >= 0 ? 'offset' : value)

/** By the name of the field. */
const rules: Record<string, Rule> = {
  clusterId: symbol('cluster'),
  port: (value, seen) => (value === seen.port ? 'its port' : value),
  errorMessage: message,
  batchIndexErrorMessage: message,
  documentation: message,
  memberId,
  leader: memberId,
  producerId: symbol('producer'),
  sessionId: symbol('session'),
  logDir: words,
  totalBytes: size,
  usableBytes: size,
  finalizedFeaturesEpoch: offset,
}

const isToday = (value: number) => Math.abs(Date.now() - value) < dayMs

/** An answer without what must differ. */
export function plain(of: Node, value: unknown, seen: Symbols, name = ''): Plain {
  const simple = value === null ? null : simplified(of, value, seen)
  return rules[name]?.(simple, seen) ?? simple
}

function simplified(of: Node, value: unknown, seen: Symbols): Plain {
  switch (of.type) {
    case 'struct':
      return Object.fromEntries(
        Object.entries(of.fields).map(([name, schema]) => [
          name,
          plain(nodeOf(schema), (value as Record<string, unknown>)[name], seen, name),
        ]),
      )
    case 'array':
      return ordered(value as unknown[]).map((one) => plain(of.of, one, seen))
    case 'uuid':
      return value === ZERO_UUID ? 'zero' : seen.of('uuid', value as string)
    case 'records':
      return recordSet(value as Buffer, seen)
    case 'bytes':
      return (value as Buffer).toString('latin1')
    case 'millis':
      return isToday(value as number) ? 'today' : (value as number)
    default:
      return value as Plain
  }
}

const nameOf = (one: unknown): unknown => {
  if (typeof one !== 'object' || one === null) return undefined
  const known = one as Record<string, unknown>
  const label = labels.find((name) => (known[name] ?? '') !== '')
  return label === undefined ? undefined : known[label]
}

/** Resources of several types may have one name. */
const typeOf = (one: unknown): number =>
  (one as { resourceType?: number } | null)?.resourceType ?? 0

/** By name, before ids become symbols; what has no name stays in its place. */
function ordered(list: unknown[]): unknown[] {
  if (list.some((one) => nameOf(one) === undefined)) return list
  return list
    .map((one) => ({ one, name: nameOf(one) as string | number, type: typeOf(one) }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.type - b.type))
    .map(({ one }) => one)
}

const orToday = (ms: number): Plain => (isToday(ms) ? 'today' : ms)

function recordSet(b: Buffer, seen: Symbols): Plain {
  const whole = [...batch.batches(b)].map(
    (at): Plain => ({
      baseOffset: batch.baseOffset(b, at),
      size: batch.batchSize(b, at),
      leaderEpoch: batch.partitionLeaderEpoch(b, at),
      attributes: batch.attributes(b, at),
      lastOffsetDelta: batch.lastOffsetDelta(b, at),
      baseTimestamp: orToday(batch.baseTimestamp(b, at)),
      maxTimestamp: orToday(batch.maxTimestamp(b, at)),
      producerId: symbol('producer')(batch.producerId(b, at), seen),
      producerEpoch: batch.producerEpoch(b, at),
      baseSequence: batch.baseSequence(b, at),
      records: readRecords(b, at),
    }),
  )
  return { bytes: b.length, batches: whole }
}

function readRecords(b: Buffer, at: number): Plain {
  try {
    return [...records(b, at)].map((record) => ({
      offset: record.offset,
      timestamp: orToday(record.timestamp),
      key: record.key?.toString('latin1') ?? null,
      value: record.value?.toString('latin1').slice(0, 20) ?? null,
      headers: record.headers.map(({ key }) => key),
    }))
  } catch (error) {
    return `unreadable: ${error}`
  }
}

/** Where two differ, as `path: one | other`. */
export function differences(one: Plain, other: Plain, path = ''): string[] {
  if (Array.isArray(one) && Array.isArray(other)) {
    const [left, right] = [labelled(one), labelled(other)]
    return [...new Set([...left.keys(), ...right.keys()])].flatMap((label) =>
      differences(left.get(label) ?? 'nothing', right.get(label) ?? 'nothing', `${path}[${label}]`),
    )
  }
  if (isObject(one) && isObject(other)) {
    return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((name) =>
      differences(one[name] ?? null, other[name] ?? null, `${path}.${name}`),
    )
  }
  if (one === other) return []
  return [`${path}: ${JSON.stringify(one)} | ${JSON.stringify(other)}`]
}

/** Elements by their name, where they have one, else by their place. */
function labelled(list: Plain[]): Map<string, Plain> {
  const found = new Map<string, Plain>()
  list.forEach((one, index) => {
    const name = String(nameOf(one) ?? index)
    found.set(found.has(name) ? `${name} ${index}` : name, one)
  })
  return found
}

const isObject = (value: Plain): value is { [name: string]: Plain } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
