/**
 * The oracle of the compiled codec: the same declarations, read field by field and slowly, with
 * nothing of the codec's own machinery. It knows only sound messages.
 */
import {
  absentOf,
  isNullable,
  LONG_MAX,
  type Node,
  nodeOf,
  placeOf,
  type StructNode,
} from '../../transport/protocol/schema.ts'

type Format = { version: number; flexible: boolean }
type Values = Record<string, unknown>
const LONG_MAX_VALUE = 2n ** 63n - 1n

export function interpretedEncode(of: StructNode, format: Format, message: unknown): Buffer {
  const { version, flexible } = format
  const parts: Buffer[] = []
  const tagged: [number, Buffer][] = []
  for (const [name, schema] of Object.entries(of.fields)) {
    const field = nodeOf(schema)
    const value = (message as Values)[name]
    const place = placeOf(field, version)
    if (place === 'ordinary') parts.push(encodeValue(field, format, value))
    if (place === 'tagged' && !same(value, absentOf(field))) {
      tagged.push([field.tag!, encodeValue(field, format, value)])
    }
  }
  if (flexible) {
    tagged.sort(([a], [b]) => a - b)
    parts.push(uvarint(tagged.length))
    for (const [tag, bytes] of tagged) parts.push(uvarint(tag), uvarint(bytes.length), bytes)
  }
  return Buffer.concat(parts)
}

/** Equal as messages: byte by byte, field by field. */
export function same(a: unknown, b: unknown): boolean {
  if (Buffer.isBuffer(a)) return Buffer.isBuffer(b) && a.equals(b)
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
    return Object.is(a, b)
  }
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => key in b && same((a as Values)[key], (b as Values)[key]))
}

function fixed(size: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(size)
  write(bytes)
  return bytes
}

function uvarint(value: number): Buffer {
  return value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) + 128]), uvarint(Math.floor(value / 128))])
}

const int64 = (value: number) =>
  fixed(8, (b) => b.writeBigInt64BE(value === LONG_MAX ? LONG_MAX_VALUE : BigInt(value)))

function encodeValue(of: Node, format: Format, value: unknown): Buffer {
  const { flexible } = format
  const length = (size: number, isString: boolean) =>
    flexible
      ? uvarint(size + 1)
      : fixed(isString ? 2 : 4, (b) => b.writeIntBE(size, 0, isString ? 2 : 4))
  if (of.type === 'struct') {
    const isLed = isNullable(of, format.version)
    if (value === null) return Buffer.from([of.tag === undefined ? 0xff : 0])
    const body = interpretedEncode(of, format, value)
    return isLed ? Buffer.concat([Buffer.from([1]), body]) : body
  }
  if (value === null) return length(-1, of.type === 'string')
  if (of.type === 'array') {
    const elements = (value as unknown[]).map((element) => encodeValue(of.of, format, element))
    return Buffer.concat([length(elements.length, false), ...elements])
  }
  switch (of.type) {
    case 'int8':
      return fixed(1, (b) => b.writeInt8(value as number))
    case 'int16':
      return fixed(2, (b) => b.writeInt16BE(value as number))
    case 'int32':
      return fixed(4, (b) => b.writeInt32BE(value as number))
    case 'uint16':
      return fixed(2, (b) => b.writeUInt16BE(value as number))
    case 'uint32':
      return fixed(4, (b) => b.writeUInt32BE(value as number))
    case 'float64':
      return fixed(8, (b) => b.writeDoubleBE(value as number))
    case 'int64':
    case 'millis':
      return int64(value as number)
    case 'hash64':
      return Buffer.from(value as string, 'hex')
    case 'boolean':
      return Buffer.from([value === true ? 1 : 0])
    case 'uuid':
      return Buffer.from(value as string, 'base64url')
    case 'string': {
      const bytes = Buffer.from(value as string, 'utf8')
      return Buffer.concat([length(bytes.length, true), bytes])
    }
    default: {
      const bytes = value as Buffer
      return Buffer.concat([length(bytes.length, false), bytes])
    }
  }
}

type Input = { bytes: Buffer; at: number }

export function interpretedDecode(of: StructNode, format: Format, bytes: Buffer): unknown {
  const input = { bytes, at: 0 }
  const message = decodeStruct(of, format, input)
  if (input.at !== bytes.length) throw new Error('bytes are left')
  return message
}

function take(input: Input, size: number): Buffer {
  const taken = input.bytes.subarray(input.at, input.at + size)
  if (taken.length !== size) throw new Error('too few bytes')
  input.at += size
  return taken
}

function readUvarint(input: Input): number {
  const byte = take(input, 1)[0]!
  return byte < 128 ? byte : byte - 128 + 128 * readUvarint(input)
}

function decodeStruct(of: StructNode, format: Format, input: Input): Values {
  const message: Values = {}
  const tagged = new Map<number, [string, Node]>()
  for (const [name, schema] of Object.entries(of.fields)) {
    const field = nodeOf(schema)
    const place = placeOf(field, format.version)
    message[name] = place === 'ordinary' ? decodeValue(field, format, input) : absentOf(field)
    if (place === 'tagged') tagged.set(field.tag!, [name, field])
  }
  if (!format.flexible) return message
  for (let left = readUvarint(input); left > 0; left--) {
    const known = tagged.get(readUvarint(input))
    const bytes = take(input, readUvarint(input))
    if (known !== undefined) message[known[0]] = decodeValue(known[1], format, { bytes, at: 0 })
  }
  return message
}

function decodeValue(of: Node, format: Format, input: Input): unknown {
  const { flexible } = format
  const length = (isString: boolean) =>
    flexible ? readUvarint(input) - 1 : take(input, isString ? 2 : 4).readIntBE(0, isString ? 2 : 4)
  if (of.type === 'struct') {
    if (isNullable(of, format.version)) {
      if (take(input, 1).readInt8() === (of.tag === undefined ? -1 : 0)) return null
    }
    return decodeStruct(of, format, input)
  }
  switch (of.type) {
    case 'int8':
      return take(input, 1).readInt8()
    case 'int16':
      return take(input, 2).readInt16BE()
    case 'int32':
      return take(input, 4).readInt32BE()
    case 'uint16':
      return take(input, 2).readUInt16BE()
    case 'uint32':
      return take(input, 4).readUInt32BE()
    case 'float64':
      return take(input, 8).readDoubleBE()
    case 'int64':
    case 'millis': {
      const value = take(input, 8).readBigInt64BE()
      return value === LONG_MAX_VALUE ? LONG_MAX : Number(value)
    }
    case 'hash64':
      return take(input, 8).toString('hex')
    case 'boolean':
      return take(input, 1)[0] !== 0
    case 'uuid':
      return take(input, 16).toString('base64url')
    case 'array': {
      const size = length(false)
      return size < 0 ? null : Array.from({ length: size }, () => decodeValue(of.of, format, input))
    }
    default: {
      const size = length(of.type === 'string')
      if (size < 0) return null
      const bytes = take(input, size)
      return of.type === 'string' ? bytes.toString('utf8') : bytes
    }
  }
}
