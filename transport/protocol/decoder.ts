/**
 * Compiles the decoder of one struct in one version: JavaScript source, one function a struct,
 * each ending in one object literal. Names in it come from declarations, never from the wire.
 *
 * Fixed fields that follow each other are read through one `DataView` and advance the cursor once;
 * the view refuses to read past its end, and lengths and counts are held against the bytes left.
 */
import { DecodeError, KafkaError } from './errors.ts'
import * as reader from './reader.ts'
import {
  absentOf,
  fixedSize,
  isNullable,
  leastBytes,
  type Node,
  nodeOf,
  nullStruct,
  type PrimitiveType,
  placeOf,
  type StructNode,
} from './schema.ts'

/**
 * Decodes `bytes` from a position to its end.
 * @param apart byte fields that are not among them
 * @throws DecodeError
 */
export type Decoder = (bytes: Buffer, at: number, apart?: readonly reader.Apart[]) => unknown

/** A plain object: its members are found sooner than a module's. */
const reads = { ...reader }

type Compilation = {
  version: number
  flexible: boolean
  functions: string[]
  /** Names of the functions written so far. */
  named: Map<StructNode['fields'], string>
  /** Absent values that are objects, shared by all messages. */
  constants: unknown[]
}

/** @param name for messages of errors */
export function compileDecoder(
  name: string,
  struct: StructNode,
  version: number,
  flexible: boolean,
): Decoder {
  const made: Compilation = {
    version,
    flexible,
    functions: [],
    named: new Map(),
    constants: [],
  }
  const root = structFunction(struct, made)
  const source = `'use strict'\nconst c = r.cursor\n${made.functions.join('\n')}\nreturn ${root}`
  const decode = new Function('r', 'k', source)(reads, made.constants) as () => unknown
  return (bytes, at, apart) => {
    reader.open(bytes, at, apart)
    try {
      const message = decode()
      const left = bytes.length - reader.cursor.at
      if (left !== 0) reader.fail(`${left} bytes too many`)
      if (reader.cursor.taken < reader.cursor.apart.length) reader.fail('a part fits nowhere')
      return message
    } catch (error) {
      throw refused(error, `${name} v${version}`)
    } finally {
      reader.shut()
    }
  }
}

function refused(error: unknown, what: string): unknown {
  if (error instanceof KafkaError) return new DecodeError(`${what}: ${error.message}`)
  if (error instanceof RangeError) return new DecodeError(`${what}: it ends too early`)
  return error
}

const fixedReads: Partial<Record<Node['type'], (at: string) => string>> = {
  int8: (at) => `v.getInt8(${at})`,
  int16: (at) => `v.getInt16(${at})`,
  int32: (at) => `v.getInt32(${at})`,
  uint16: (at) => `v.getUint16(${at})`,
  uint32: (at) => `v.getUint32(${at})`,
  float64: (at) => `v.getFloat64(${at})`,
  boolean: (at) => `v.getInt8(${at}) !== 0`,
  int64: (at) => `r.int64(v, ${at})`,
  millis: (at) => `r.millis(v, ${at})`,
  hash64: (at) => `r.hash64(v, ${at})`,
  uuid: (at) => `r.uuid(v, ${at})`,
}

/** Writes the function that reads a struct. @returns its name */
function structFunction(struct: StructNode, made: Compilation): string {
  const known = made.named.get(struct.fields)
  if (known !== undefined) return known
  const name = `read${made.named.size}`
  made.named.set(struct.fields, name)
  const fields = Object.entries(struct.fields).map(([key, schema], index) => ({
    key,
    of: nodeOf(schema),
    variable: `f${index}`,
  }))
  const lines = ['const v = c.view']
  let run: { variable: string; of: Node }[] = []
  const endRun = () => {
    if (run.length > 0) lines.push(...fixedRun(run))
    run = []
  }
  for (const { of, variable } of fields) {
    const place = placeOf(of, made.version)
    if (place !== 'ordinary') lines.push(`let ${variable} = ${absentSource(of, made)}`)
    else if (fixedReads[of.type] !== undefined) run.push({ variable, of })
    else {
      endRun()
      lines.push(`let ${variable}`, ...valueLines(of, variable, made))
    }
  }
  endRun()
  if (made.flexible) {
    const tagged = fields.filter(({ of }) => placeOf(of, made.version) === 'tagged')
    lines.push(...taggedSection(tagged, made))
  }
  const literal = fields.map(({ key, variable }) => `${JSON.stringify(key)}: ${variable}`)
  lines.push(`return { ${literal.join(', ')} }`)
  made.functions.push(`function ${name}() {\n${lines.join('\n')}\n}`)
  return name
}

function fixedRun(run: { variable: string; of: Node }[]): string[] {
  let offset = 0
  const lines = run.map(({ variable, of }, index) => {
    const at = index === 0 ? 'c.at' : `c.at + ${offset}`
    offset += fixedSize(of.type)!
    return `const ${variable} = ${fixedReads[of.type]!(at)}`
  })
  return [...lines, `c.at += ${offset}`]
}

const shortNames: Partial<Record<PrimitiveType, string>> = {
  string: 'String',
  bytes: 'Bytes',
  records: 'Bytes',
}

/** Reads an ordinary or tagged value into a variable that is declared. */
function valueLines(of: Node, variable: string, made: Compilation): string[] {
  const { version, flexible } = made
  const orNull = isNullable(of, version)
  const fixed = fixedReads[of.type]
  if (fixed !== undefined)
    return [`${variable} = ${fixed('c.at')}`, `c.at += ${fixedSize(of.type)}`]
  if (of.type === 'array') return arrayLines(of.of, variable, orNull, made)
  if (of.type === 'struct') {
    const call = `${structFunction(of, made)}()`
    return [
      `${variable} = ${orNull ? `v.getInt8(c.at++) === ${nullStruct(of)} ? null : ${call}` : call}`,
    ]
  }
  const name = `${flexible ? 'compact' : ''}${orNull ? 'Nullable' : ''}${shortNames[of.type as PrimitiveType]}`
  return [`${variable} = r.${name[0]!.toLowerCase()}${name.slice(1)}()`]
}

function arrayLines(of: Node, variable: string, orNull: boolean, made: Compilation): string[] {
  const least = Math.max(1, leastBytes(of, made.version, made.flexible))
  const n = `n${variable}`
  const lines = [
    `const ${n} = r.${made.flexible ? 'compactCount' : 'count'}(${least})`,
    orNull
      ? `${variable} = ${n} < 0 ? null : []`
      : `if (${n} < 0) r.fail('null where an array belongs'); ${variable} = []`,
  ]
  const fixed = fixedReads[of.type]
  const size = fixedSize(of.type)
  const element =
    fixed === undefined
      ? [
          `let e${variable}`,
          ...valueLines(of, `e${variable}`, made),
          `${variable}.push(e${variable})`,
        ]
      : [`${variable}.push(${fixed('c.at')})`, `c.at += ${size}`]
  return [...lines, `for (let i = 0; i < ${n}; i++) {`, ...element, '}']
}

function taggedSection(tagged: { of: Node; variable: string }[], made: Compilation): string[] {
  const cases = tagged.flatMap(({ of, variable }) => [
    `case ${of.tag}: {`,
    ...valueLines(of, variable, made),
    'break }',
  ])
  return [
    'for (let left = r.uvarint(); left > 0; left--) {',
    'const tag = r.uvarint(), stop = r.taggedEnd()',
    ...(cases.length > 0
      ? ['switch (tag) {', ...cases, 'default: c.at = stop', '}']
      : ['c.at = stop']),
    `if (c.at !== stop) r.fail('a tagged field of another size than it says')`,
    '}',
  ]
}

/** Objects are shared and frozen; arrays and byte fields are made anew, as somebody may add to them. */
function absentSource(of: Node, made: Compilation): string {
  const absent = absentOf(of)
  if (Buffer.isBuffer(absent)) return `k[${made.constants.push(absent) - 1}]`
  if (Array.isArray(absent)) return '[]'
  if (typeof absent === 'object' && absent !== null) {
    return `k[${made.constants.push(Object.freeze(absent)) - 1}]`
  }
  return JSON.stringify(absent)
}
