/**
 * Whether a configured text is a value of its type, within its bound. What is not is refused with
 * INVALID_CONFIG, in terms that name the configuration, the value and what would be valid.
 */
import { match } from 'ts-pattern'
import { refuse } from '../../transport/protocol/errors.ts'
import type { ConfigType, Definition } from './definitions.ts'

export type Bound =
  | { kind: 'range'; min: number; max: number; or: number | null }
  | { kind: 'oneOf'; values: string[]; anyCase: boolean }
  | { kind: 'nonEmpty' }
  | { kind: 'throttledReplicas' }
  | { kind: 'offsetReset' }

export type ConfigValue = string | number | boolean | string[]

const range = /^\[(-?[\d.]+),\.\.\.(?:,(-?[\d.]+))?\](?: or (-?\d+))?$/
const choice = /^(\(case insensitive\) )?\[(.+)\]$/

/** Reads the last column of a table: `[1,...,9] or -1`, `[compact, delete]`, `non-empty string`. */
export function parseBound(text: string): Bound | null {
  // An empty voter or bootstrap list counts as not set, so those bounds say nothing.
  if (text === '' || text === 'non-empty list' || text === 'non-null string') return null
  if (text === 'non-empty string') return { kind: 'nonEmpty' }
  if (text === 'throttled replicas') return { kind: 'throttledReplicas' }
  if (text.includes('by_duration')) return { kind: 'offsetReset' }
  const [, min, max, or] = range.exec(text) ?? []
  if (min !== undefined) {
    return {
      kind: 'range',
      min: Number(min),
      max: max === undefined ? Number.POSITIVE_INFINITY : Number(max),
      or: or === undefined ? null : Number(or),
    }
  }
  const [, anyCase, values = ''] = choice.exec(text) ?? []
  return { kind: 'oneOf', values: values.split(', '), anyCase: anyCase !== undefined }
}

const integerLimits = {
  short: [-32_768n, 32_767n],
  int: [-2_147_483_648n, 2_147_483_647n],
  long: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
} as const

const safe = (value: bigint): number =>
  Number(value) > Number.MAX_SAFE_INTEGER
    ? Number.MAX_SAFE_INTEGER
    : Math.max(Number(value), Number.MIN_SAFE_INTEGER)

const invalid = (name: string, value: string, why: string): never =>
  refuse('INVALID_CONFIG', `Invalid value ${value} for configuration ${name}: ${why}`)

function integer(type: 'short' | 'int' | 'long') {
  const [min, max] = integerLimits[type]
  return (name: string, raw: string): number => {
    const text = raw.trim()
    if (/^[+-]?\d{1,19}$/.test(text)) {
      // BigInt is slow, and only long digits need it.
      const value = text.length < 16 ? Number(text) : BigInt(text.replace('+', ''))
      if (value >= min && value <= max) return typeof value === 'number' ? value : safe(value)
    }
    return invalid(name, text, `Not a number of type ${type.toUpperCase()}`)
  }
}

function double(name: string, raw: string): number {
  const text = raw.trim()
  const value = Number(text)
  return text === '' || Number.isNaN(value)
    ? invalid(name, text, 'Not a number of type DOUBLE')
    : value
}

function boolean(name: string, raw: string): boolean {
  const text = raw.trim().toLowerCase()
  if (text === 'true') return true
  if (text === 'false') return false
  return invalid(name, raw.trim(), 'Expected value to be either true or false')
}

/** Kafka's lists are split at commas; blanks around an item do not count. */
export const splitList = (text: string): string[] =>
  text.trim() === '' ? [] : text.split(',').map((item) => item.trim())

const text = (_name: string, raw: string): string => raw.trim()

const parsers: Record<ConfigType, (name: string, raw: string) => ConfigValue> = {
  boolean,
  short: integer('short'),
  int: integer('int'),
  long: integer('long'),
  double,
  list: (_name, raw) => splitList(raw),
  string: text,
  class: text,
  // Blanks may be part of a password.
  password: (_name, raw) => raw,
}

/**
 * The value that a text stands for, its bound not yet checked. A long beyond 2^53 - 1 saturates:
 * such values mean "for ever" or "no bound" wherever Kafka has them.
 * @throws KafkaError INVALID_CONFIG
 */
export const parseValue = (name: string, type: ConfigType, raw: string): ConfigValue =>
  parsers[type](name, raw)

function checkRange(name: string, value: number, { min, max, or }: Bound & { kind: 'range' }) {
  if (value === or || (value >= min && value <= max)) return
  if (or !== null) {
    invalid(name, `${value}`, `Value must be between ${min} and ${max} or equal to ${or}`)
  }
  if (value < min) invalid(name, `${value}`, `Value must be at least ${min}`)
  invalid(name, `${value}`, `Value must be no more than ${max}`)
}

function checkChoice(name: string, item: string, { values, anyCase }: Bound & { kind: 'oneOf' }) {
  const known = anyCase
    ? values.some((value) => value.toLowerCase() === item.toLowerCase())
    : values.includes(item)
  if (!known) invalid(name, item, `String must be one of: ${values.join(', ')}`)
}

const throttled = /^\d+:\d+$/
const duration = /^by_duration:P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$/

/** @throws KafkaError INVALID_CONFIG */
export function checkBound(name: string, value: ConfigValue, bound: Bound): void {
  const items = Array.isArray(value) ? value : [value]
  match(bound)
    .with({ kind: 'range' }, (limits) => checkRange(name, Number(value), limits))
    .with({ kind: 'oneOf' }, (choices) => {
      for (const item of items) checkChoice(name, String(item), choices)
    })
    .with({ kind: 'nonEmpty' }, () => {
      if (value === '') invalid(name, '""', 'String may not be empty')
    })
    .with({ kind: 'throttledReplicas' }, () => {
      const all = items.length === 1 && items[0] === '*'
      if (!all && !items.every((item) => throttled.test(String(item)))) {
        invalid(name, `[${items.join(', ')}]`, 'neither * nor a list of partition:broker pairs')
      }
    })
    .with({ kind: 'offsetReset' }, () => {
      if (value !== 'latest' && value !== 'earliest' && !duration.test(String(value))) {
        invalid(name, String(value), 'neither latest, earliest nor by_duration:<ISO 8601 duration>')
      }
    })
    .exhaustive()
}

/**
 * The value that a text stands for.
 * @throws KafkaError INVALID_CONFIG when it is none of the type, or out of bounds
 */
export function checkedValue({ name, type, bound }: Definition, text: string): ConfigValue {
  const value = parseValue(name, type, text)
  if (bound !== null) checkBound(name, value, bound)
  return value
}
