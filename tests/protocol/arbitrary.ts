/** Random messages of a declared shape, as far as one version can carry them. */
import fc from 'fast-check'
import {
  absentOf,
  isNullable,
  LONG_MAX,
  type Node,
  nodeOf,
  placeOf,
  type StructNode,
} from '../../transport/protocol/schema.ts'

const int64 = fc.oneof(
  { weight: 4, arbitrary: fc.integer() },
  { weight: 2, arbitrary: fc.maxSafeInteger() },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0, LONG_MAX, -LONG_MAX) },
)
const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 50 }) },
  { weight: 1, arbitrary: fc.nat(300).map((length) => 'x'.repeat(length)) },
)
const blob = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes))
/** Small enough to be copied, or large enough to be sent as a chunk of its own. */
const recordSet = fc.oneof(
  { weight: 6, arbitrary: blob(100) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 4090, max: 5000 }).map((size) => Buffer.alloc(size, 7)),
  },
)
const uuid = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'))
const hash64 = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))

const primitives: Partial<Record<Node['type'], fc.Arbitrary<unknown>>> = {
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -0x8000, max: 0x7fff }),
  int32: fc.integer(),
  uint16: fc.integer({ min: 0, max: 0xffff }),
  uint32: fc.integer({ min: 0, max: 0xffff_ffff }),
  float64: fc.double({ noNaN: true }),
  int64,
  millis: int64,
  hash64,
  boolean: fc.boolean(),
  string: text,
  uuid,
  bytes: blob(60),
  records: recordSet,
}

export const messages = (of: StructNode, version: number): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(
    Object.fromEntries(
      Object.entries(of.fields).map(([name, schema]) => [name, values(nodeOf(schema), version)]),
    ),
  )

function values(of: Node, version: number): fc.Arbitrary<unknown> {
  const place = placeOf(of, version)
  if (place === 'lacking') return fc.constant(absentOf(of))
  const present = presentValues(of, version)
  const orNull = isNullable(of, version) ? fc.option(present, { freq: 3 }) : present
  return place === 'tagged' ? fc.oneof(orNull, fc.constant(absentOf(of))) : orNull
}

function presentValues(of: Node, version: number): fc.Arbitrary<unknown> {
  if (of.type === 'struct') return messages(of, version)
  if (of.type === 'array') return fc.array(values(of.of, version), { maxLength: 3 })
  return primitives[of.type]!
}
