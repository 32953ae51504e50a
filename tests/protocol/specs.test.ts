/**
 * Our declarations against the specifications in Kafka's jars: every message, every version,
 * every field.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  absentOf,
  isNullable,
  type Node,
  nodeOf,
  placeOf,
  type StructNode,
} from '../../transport/protocol/schema.ts'
import { apis } from '../../transport/schemas/all.ts'
import { kafkaLibs, skipUnless } from '../support/peers.ts'
import { declared, recordTypes } from './declared.ts'
import { type Line, linesOfSpec, range, readSpecs, type Spec, within } from './specs.ts'

/** Types of ours that Kafka writes otherwise. */
const kafkaTypes: Partial<Record<Node['type'], string>> = {
  boolean: 'bool',
  millis: 'int64',
  hash64: 'int64',
}

const linesOfDeclaration = (of: StructNode, version: number): Line[] =>
  Object.entries(of.fields).map(([name, schema]) => {
    const field = nodeOf(schema)
    const place = placeOf(field, version)
    const absent = plain(absentOf(field))
    if (place === 'lacking') return { name, lacking: true, ignorable: field.ignorable, absent }
    const isTagged = place === 'tagged'
    const element = field.type === 'array' ? field.of : field
    return {
      name,
      type: (field.type === 'array' ? '[]' : '') + (kafkaTypes[element.type] ?? element.type),
      nullable: isNullable(field, version),
      tag: isTagged ? field.tag : undefined,
      absent: isTagged ? absent : undefined,
      fields: element.type === 'struct' ? linesOfDeclaration(element, version) : undefined,
    }
  })

/** Zeros of a hash and empty bytes, as the specifications' side says them. */
const plain = (absent: unknown): unknown =>
  Buffer.isBuffer(absent) ? 'no bytes' : absent === '0000000000000000' ? 0 : absent

const specName = (name: string) =>
  name.replace(/ request$/, 'Request').replace(/ response$/, 'Response')

if (skipUnless('kafka-jars')) comparisons(readSpecs(kafkaLibs))

function comparisons(from: Map<string, Spec>) {
  const versioned = [...from.values()].filter(({ validVersions }) => validVersions !== 'none')

  test('every message and record type of Kafka 4.3.0 is declared, and no other', () => {
    const ours = new Set(declared.map(({ codec }) => specName(codec.name)))
    // Headers are read and written by hand: their shape decides what comes behind them.
    const theirs = versioned.map(({ name }) => name).filter((name) => !name.endsWith('Header'))
    assert.equal([...ours].sort(), theirs.sort())
  })

  test('versions, flexible versions, keys and listeners are those of Kafka', () => {
    for (const api of apis) {
      const spec = from.get(`${api.name}Request`)!
      assert.is(api.key, spec.apiKey, api.name)
      assert.equal([...api.listeners].sort(), [...spec.listeners!].sort(), api.name)
      assert.is(api.unstable ?? false, spec.latestVersionUnstable ?? false, api.name)
    }
    for (const type of recordTypes) assert.is(type.key, from.get(type.name)!.apiKey, type.name)
    for (const { codec, flexible, version, title } of declared) {
      const spec = from.get(specName(codec.name))!
      assert.equal(codec.versions, range(spec.validVersions), title)
      assert.is(flexible, within(version, range(spec.flexibleVersions)), title)
    }
  })

  test('every field of every version is as Kafka says', () => {
    for (const { codec, struct, version, title } of declared) {
      const theirs = linesOfSpec(from.get(specName(codec.name))!, version)
      assert.equal(linesOfDeclaration(struct, version), theirs, title)
    }
  })
}

test.run()
