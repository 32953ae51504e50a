/**
 * Compiles the encoder of one struct in one version: JavaScript source, one function a struct,
 * that takes the value and a position and returns the next position.
 *
 * Room is made once for each run of fixed fields. Absent values are compared inline. A field that
 * the version lacks must hold its absent value, unless it is ignorable.
 */

import {
  absentOf,
  fixedSize,
  isNullable,
  LONG_MAX,
  type Node,
  nodeOf,
  nullStruct,
  placeOf,
  type StructNode,
} from './schema.ts'
import * as out from './writer.ts'

/**
 * @param head bytes to put before it
 * @returns the message in chunks; large byte fields are referenced, not copied
 */
export type Encoder = (message: unknown, head?: Buffer) => Buffer[]

/** A plain object: its members are found sooner than a module's. */
const writes = { ...out }

type Compilation = {
  version: number
  flexible: boolean
  functions: string[]
  named: Map<StructNode['fields'], string>
}
type Member = { key: string; of: Node; access: string; path: string }

/** @param name for messages of errors */
export function compileEncoder(
  name: string,
  struct: StructNode,
  version: number,
  flexible: boolean,
): Encoder {
  const made: Compilation = { version, flexible, functions: [], named: new Map() }
  const root = structFunction(struct, name, made)
  const source = `'use strict'\nconst s = w.writer\n${made.functions.join('\n')}\nreturn ${root}`
  const write = new Function('w', source)(writes) as (message: unknown, at: number) => number
  return (message, head) => {
    const at = out.open()
    return out.shut(write(message, head === undefined ? at : out.raw(at, head)))
  }
}

const int = (check: string) => (method: string) => (at: string, value: string, path: string) =>
  `v.${method}(${at}, (t = ${value}) === (${check}) ? t : w.bad(${path}, t))`
const call = (name: string) => (at: string, value: string, path: string) =>
  `w.${name}(v, ${at}, ${value}, ${path})`

type FixedWrite = (at: string, value: string, path: string) => string
const fixedWrites: Partial<Record<Node['type'], FixedWrite>> = {
  int8: int('t << 24 >> 24')('setInt8'),
  int16: int('t << 16 >> 16')('setInt16'),
  int32: int('t | 0')('setInt32'),
  uint16: int('t & 0xffff')('setUint16'),
  uint32: int('t >>> 0')('setUint32'),
  float64: (at, value, path) =>
    `v.setFloat64(${at}, typeof (t = ${value}) === 'number' ? t : w.bad(${path}, t))`,
  boolean: (at, value, path) =>
    `v.setInt8(${at}, (t = ${value}) === true ? 1 : t === false ? 0 : w.bad(${path}, t))`,
  int64: call('int64'),
  millis: call('int64'),
  hash64: call('hash64'),
  uuid: call('uuid'),
}

const room = (bytes: number | string) => [
  `if (p + ${bytes} > s.end) p = w.grow(p, ${bytes})`,
  'v = s.view',
]

/** Writes the function that writes a struct. @returns its name */
function structFunction(struct: StructNode, path: string, made: Compilation): string {
  const known = made.named.get(struct.fields)
  if (known !== undefined) return known
  const name = `write${made.named.size}`
  made.named.set(struct.fields, name)
  const members = Object.entries(struct.fields).map(([key, schema]): Member => {
    const of = nodeOf(schema)
    return { key, of, access: `x.${key}`, path: JSON.stringify(`${path}.${key}`) }
  })
  const at = (place: string) => members.filter(({ of }) => placeOf(of, made.version) === place)
  const lines = ['let v = s.view, t']
  for (const { of, access, path: where } of at('lacking')) {
    if (of.ignorable) continue
    lines.push(`if (${differs(of, access)}) w.unsupported(${where}, ${made.version})`)
  }
  const tagged = at('tagged').sort((a, b) => a.of.tag! - b.of.tag!)
  lines.push(...ordinary(at('ordinary'), made, made.flexible && tagged.length === 0))
  if (made.flexible && tagged.length > 0) lines.push(...taggedSection(tagged, made))
  lines.push('return p')
  made.functions.push(`function ${name}(x, p) {\n${lines.join('\n')}\n}`)
  return name
}

/** @param endsUntagged the struct ends in an empty tagged section: one more byte of the last run */
function ordinary(members: Member[], made: Compilation, endsUntagged: boolean): string[] {
  const lines: string[] = []
  let run: string[] = []
  let size = 0
  const endRun = () => {
    if (size > 0) lines.push(...room(size), ...run, `p += ${size}`)
    run = []
    size = 0
  }
  const place = () => (size === 0 ? 'p' : `p + ${size}`)
  for (const { of, access, path } of members) {
    const fixed = fixedWrites[of.type]
    if (fixed === undefined) {
      endRun()
      lines.push(...valueLines(of, access, path, made))
      continue
    }
    run.push(fixed(place(), access, path))
    size += fixedSize(of.type)!
  }
  if (endsUntagged) {
    run.push(`v.setInt8(${place()}, 0)`)
    size += 1
  }
  endRun()
  return lines
}

/** Writes one value that stands alone: of variable size, an element, or tagged. */
function valueLines(of: Node, access: string, path: string, made: Compilation): string[] {
  const write = presentLines(of, access, path, made)
  if (fixedWrites[of.type] !== undefined || of.nullableFrom === Number.POSITIVE_INFINITY) {
    return write
  }
  if (!isNullable(of, made.version)) {
    return [`if (${access} === null) w.unsupported(${path}, ${made.version})`, ...write]
  }
  if (of.type === 'struct') {
    return [
      ...room(1),
      `v.setInt8(p++, ${access} === null ? ${nullStruct(of)} : 1)`,
      `if (${access} !== null) {`,
      ...write,
      '}',
    ]
  }
  return [`if (${access} === null) p = ${nullSource(of, made)}`, 'else {', ...write, '}']
}

function nullSource(of: Node, { flexible }: Compilation): string {
  if (flexible) return 'w.uvarint(p, 0)'
  return of.type === 'string' ? 'w.nullString(p)' : 'w.count(p, -1)'
}

function presentLines(of: Node, access: string, path: string, made: Compilation): string[] {
  const { flexible } = made
  const fixed = fixedWrites[of.type]
  if (fixed !== undefined) {
    const size = fixedSize(of.type)!
    return [...room(size), fixed('p', access, path), `p += ${size}`]
  }
  switch (of.type) {
    case 'string':
      return [`p = w.${flexible ? 'compactString' : 'string'}(p, ${access}, ${path})`]
    case 'bytes':
    case 'records':
      return [`p = w.${flexible ? 'compactBytes' : 'bytes'}(p, ${access})`]
    case 'array':
      return arrayLines(of.of, access, path, made)
    case 'struct':
      return [`p = ${structFunction(of, JSON.parse(path), made)}(${access}, p)`]
    default:
      throw new Error(`no way to write ${of.type}`)
  }
}

function arrayLines(of: Node, access: string, path: string, made: Compilation): string[] {
  const lines = [
    '{',
    `const a = ${access}, n = a.length`,
    `p = ${made.flexible ? 'w.uvarint(p, n + 1)' : 'w.count(p, n)'}`,
  ]
  const fixed = fixedWrites[of.type]
  if (fixed !== undefined) {
    const size = fixedSize(of.type)!
    lines.push(...room(`n * ${size}`))
    lines.push(`for (let i = 0; i < n; i++, p += ${size}) ${fixed('p', 'a[i]', path)}`)
  } else {
    lines.push('for (let i = 0; i < n; i++) {', ...valueLines(of, 'a[i]', path, made), '}')
  }
  return [...lines, '}']
}

function taggedSection(tagged: Member[], made: Compilation): string[] {
  const lines = ['let sent = 0']
  tagged.forEach(({ of, access }, index) => {
    lines.push(`const has${index} = ${differs(of, access)}; if (has${index}) sent++`)
  })
  lines.push('p = w.uvarint(p, sent)')
  tagged.forEach(({ of, access, path }, index) => {
    const size = fixedSize(of.type)
    lines.push(`if (has${index}) {`, `p = w.uvarint(p, ${of.tag})`)
    if (size !== undefined) {
      lines.push(`p = w.uvarint(p, ${size})`, ...presentLines(of, access, path, made))
    } else {
      lines.push('const mark = w.beginTagged(p)', ...valueLines(of, access, path, made))
      lines.push('p = w.endTagged(mark, p)')
    }
    lines.push('}')
  })
  return lines
}

/** An expression that is true where a value is not the absent one. */
function differs(of: Node, access: string): string {
  return differsFrom(of, access, absentOf(of))
}

function differsFrom(of: Node, access: string, absent: unknown): string {
  if (absent === null) return `${access} !== null`
  const orNull = of.nullableFrom === Number.POSITIVE_INFINITY ? '' : `${access} === null || `
  switch (of.type) {
    case 'array':
    case 'bytes':
    case 'records':
      return `(${orNull}${access}.length !== 0)`
    case 'struct': {
      const values = absent as Record<string, unknown>
      const parts = Object.entries(of.fields).map(([key, schema]) =>
        differsFrom(nodeOf(schema), `${access}.${key}`, values[key]),
      )
      return `(${orNull}${parts.join(' || ') || 'false'})`
    }
    default:
      return `${access} !== ${absent === LONG_MAX ? LONG_MAX : JSON.stringify(absent)}`
  }
}
