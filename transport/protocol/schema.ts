/**
 * How a message is declared: plain objects of fields, in Kafka's order, from which its type is
 * inferred and its codec compiled.
 *
 * Source: Kafka's message format (KIP-482 flexible versions and tagged fields, KIP-893 nullable
 * structs). A struct is an object literal; a shared struct is a `const`. Absent values matter
 * only under `since`, `until` and `tagged`; without one it is the type's own (0, '', false, empty,
 * zero uuid).
 */

/** Long.MAX_VALUE ("none", "for ever") as a number: the largest safe integer stands for it. */
export const LONG_MAX = Number.MAX_SAFE_INTEGER
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'

export type PrimitiveType =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'millis'
  | 'hash64'
  | 'uint16'
  | 'uint32'
  | 'float64'
  | 'boolean'
  | 'string'
  | 'uuid'
  | 'bytes'
  | 'records'

type Common = {
  /** First version that may be null. */
  readonly nullableFrom: number
  /** First and last version that have the field. */
  readonly since: number
  readonly until: number
  /** Tag of the field in the tagged section (flexible versions only). */
  readonly tag: number | undefined
  /** What a version without the field means; undefined: the type's own. */
  readonly absent: unknown
  /** Versions without the field drop any value of it in silence. */
  readonly ignorable: boolean
}
export type Primitive = Common & { readonly type: PrimitiveType }
export type ArrayNode = Common & { readonly type: 'array'; readonly of: Node }
export type StructNode = Common & { readonly type: 'struct'; readonly fields: Struct }
/** A field as the compilers read it. */
export type Node = Primitive | ArrayNode | StructNode

const node = Symbol('node')
declare const value: unique symbol

export type Field<T> = { readonly [node]: Node; readonly [value]: T }
export type Struct = { readonly [name: string]: Schema }
export type Schema = Field<unknown> | Struct
/** What a declaration decodes to. */
export type Value<S> = S extends Field<infer T> ? T : { [K in keyof S]: Value<S[K]> }

const plain = {
  nullableFrom: Number.POSITIVE_INFINITY,
  since: 0,
  until: Number.POSITIVE_INFINITY,
  tag: undefined,
  absent: undefined,
  ignorable: false,
}

const field = <T>(of: Node): Field<T> => ({ [node]: of }) as unknown as Field<T>
const primitive = <T>(type: PrimitiveType) => field<T>({ ...plain, type })
const isField = (schema: Schema): schema is Field<unknown> => node in schema

const structs = new WeakMap<Struct, StructNode>()
/** The node behind a declaration; the same for every use of one struct. */
export function nodeOf(schema: Schema): Node {
  if (isField(schema)) return schema[node]
  const known = structs.get(schema)
  if (known !== undefined) return known
  const fresh: StructNode = { ...plain, type: 'struct', fields: schema }
  structs.set(schema, fresh)
  return fresh
}

export const int8 = primitive<number>('int8')
export const int16 = primitive<number>('int16')
export const int32 = primitive<number>('int32')
/** Offsets, epochs, ids: beyond 2^53 - 1 refused, but for Long.MAX_VALUE. */
export const int64 = primitive<number>('int64')
/** An int64 that is a time or a duration: what lies beyond 2^53 - 1 saturates. */
export const millis = primitive<number>('millis')
/** An int64 that nobody counts with: 16 hexadecimal digits. */
export const hash64 = primitive<string>('hash64')
export const uint16 = primitive<number>('uint16')
export const uint32 = primitive<number>('uint32')
export const float64 = primitive<number>('float64')
export const boolean = primitive<boolean>('boolean')
/** At most 32,767 bytes of UTF-8. */
export const string = primitive<string>('string')
/** 22 characters of base64url. */
export const uuid = primitive<string>('uuid')
/** Decoded as a subarray of the message. */
export const bytes = primitive<Buffer>('bytes')
/** A record set: a run of batches. Decoded as a subarray of the message, sent without a copy. */
export const records = primitive<Buffer>('records')

export const array = <S extends Schema>(of: S): Field<Value<S>[]> =>
  field({ ...plain, type: 'array', of: nodeOf(of) })

/** May be null, from the version given. */
export const nullable = <S extends Schema>(of: S, from = 0): Field<Value<S> | null> =>
  field({ ...nodeOf(of), nullableFrom: from })

/** Exists from `version` on. */
export const since = <S extends Schema>(
  version: number,
  of: S,
  absent?: NoInfer<Value<S>>,
): Field<Value<S>> => field(withAbsent({ ...nodeOf(of), since: version }, absent))

/** Exists up to `version`, inclusive. */
export const until = <S extends Schema>(
  version: number,
  of: S,
  absent?: NoInfer<Value<S>>,
): Field<Value<S>> => field(withAbsent({ ...nodeOf(of), until: version }, absent))

/** Stands in the tagged section, and is sent only when it is not the absent value. */
export const tagged = <S extends Schema>(
  tag: number,
  of: S,
  absent?: NoInfer<Value<S>>,
): Field<Value<S>> => field(withAbsent({ ...nodeOf(of), tag }, absent))

/** Versions that lack the field may drop it; without this, setting it there is an error. */
export const ignorable = <S extends Schema>(of: S): Field<Value<S>> =>
  field({ ...nodeOf(of), ignorable: true })

const withAbsent = (of: Node, absent: unknown): Node =>
  absent === undefined ? of : { ...of, absent }

/** What stands for a field that a version lacks, or that was not sent. */
export function absentOf(of: Node): unknown {
  if (of.absent !== undefined) return of.absent
  switch (of.type) {
    case 'string':
      return ''
    case 'boolean':
      return false
    case 'uuid':
      return ZERO_UUID
    case 'hash64':
      return '0000000000000000'
    case 'bytes':
    case 'records':
      return Buffer.alloc(0)
    case 'array':
      return []
    case 'struct':
      return Object.fromEntries(
        Object.entries(of.fields).map(([name, inner]) => [name, absentOf(nodeOf(inner))]),
      )
    default:
      return 0
  }
}

/** Where a version has the field. */
export type Place = 'ordinary' | 'tagged' | 'lacking'

export function placeOf(of: Node, version: number): Place {
  if (version < of.since || version > of.until) return 'lacking'
  return of.tag === undefined ? 'ordinary' : 'tagged'
}

export const isNullable = (of: Node, version: number): boolean => version >= of.nullableFrom

/**
 * The byte that leads a nullable struct that is null; 1 leads one that is there. An int8 in its
 * ordinary place, but a varint in the tagged section.
 */
export const nullStruct = (of: StructNode): number => (of.tag === undefined ? -1 : 0)

const fixedSizes: Partial<Record<Node['type'], number>> = {
  int8: 1,
  boolean: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  millis: 8,
  hash64: 8,
  float64: 8,
  uuid: 16,
}
/** Bytes of a type that always takes the same; undefined for the others. */
export const fixedSize = (type: Node['type']): number | undefined => fixedSizes[type]

/** The fewest bytes a value takes: what bounds a count against the bytes that are left. */
export function leastBytes(of: Node, version: number, flexible: boolean): number {
  const fixed = fixedSizes[of.type]
  if (fixed !== undefined) return fixed
  if (of.type === 'struct') {
    if (isNullable(of, version)) return 1
    const inner = Object.values(of.fields).map(nodeOf)
    const ordinary = inner.filter((one) => placeOf(one, version) === 'ordinary')
    const sum = ordinary.reduce((total, one) => total + leastBytes(one, version, flexible), 0)
    return sum + (flexible ? 1 : 0)
  }
  if (flexible) return 1
  return of.type === 'string' ? 2 : 4
}
