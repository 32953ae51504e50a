/**
 * Kafka's message specifications as its jars ship them, brought into a form that compares with
 * our declarations: one version at a time, field by field.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'

export type SpecField = {
  name: string
  type: string
  versions?: string
  nullableVersions?: string
  taggedVersions?: string
  tag?: number
  default?: string | number | boolean | null
  ignorable?: boolean
  fields?: SpecField[]
}
export type Spec = {
  name: string
  type: string
  apiKey?: number
  listeners?: string[]
  validVersions: string
  flexibleVersions?: string
  latestVersionUnstable?: boolean
  fields: SpecField[]
  commonStructs?: { name: string; fields: SpecField[] }[]
}

/** All specifications of messages and records in the jars of a folder, by name. */
export function readSpecs(libs: string): Map<string, Spec> {
  const jars = readdirSync(libs).filter((file) => /^kafka.*-4\.3\.0\.jar$/.test(file))
  const specs = jars.flatMap((jar) => objects(specText(join(libs, jar))))
  return new Map(specs.filter(isSpec).map((spec) => [spec.name, spec]))
}

const isSpec = (json: unknown): json is Spec =>
  typeof json === 'object' && json !== null && 'validVersions' in json

/** The text of a jar's specifications: a jar is a zip file, its directory is at its end. */
function specText(jar: string): string {
  const bytes = readFileSync(jar)
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  let text = ''
  let at = bytes.readUInt32LE(end + 16)
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    const [method, packedBytes, start] = [10, 20, 42].map((offset) =>
      offset === 10 ? bytes.readUInt16LE(at + offset) : bytes.readUInt32LE(at + offset),
    ) as [number, number, number]
    const lengths = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset))
    const name = bytes.toString('utf8', at + 46, at + 46 + lengths[0]!)
    at += 46 + lengths.reduce((sum, length) => sum + length, 0)
    if (!/^(common\/)?(message|metadata)\/.*\.json$/.test(name)) continue
    const data = start + 30 + bytes.readUInt16LE(start + 26) + bytes.readUInt16LE(start + 28)
    const packed = bytes.subarray(data, data + packedBytes)
    text += `${method === 0 ? packed : inflateRawSync(packed)}\n`
  }
  return text
}

/** Splits text into its top-level JSON objects, without the comments between and in them. */
function objects(text: string): unknown[] {
  const found: unknown[] = []
  const tokens = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|[{}]|[^"/{}]+|\//g
  let depth = 0
  let json = ''
  for (const [token] of text.matchAll(tokens)) {
    if (token.startsWith('//')) continue
    if (token === '{') depth++
    if (depth > 0) json += token
    if (token !== '}' || --depth > 0) continue
    found.push(JSON.parse(json))
    json = ''
  }
  return found
}

export type Range = readonly [first: number, last: number]
const NEVER: Range = [1, 0]

export function range(versions: string | undefined): Range {
  if (versions === undefined || versions === 'none') return NEVER
  const [first, last] = versions.split(/[-+]/)
  if (versions.endsWith('+')) return [Number(first), Number.POSITIVE_INFINITY]
  return [Number(first), Number(last ?? first)]
}
export const within = (version: number, [first, last]: Range) => version >= first && version <= last
const overlap = (a: Range, b: Range): Range => [Math.max(a[0], b[0]), Math.min(a[1], b[1])]

/** One field of one version. Both sides are brought into this form. */
export type Line =
  | { name: string; lacking: true; ignorable: boolean; absent: unknown }
  | {
      name: string
      type: string
      nullable: boolean
      tag: number | undefined
      /** Only of tagged fields. */
      absent: unknown
      fields: Line[] | undefined
    }

const isStruct = (type: string) => /^[A-Z]/.test(type.replace('[]', ''))

export const linesOfSpec = (spec: Spec, version: number): Line[] =>
  lines(spec, spec.fields, version, range(spec.validVersions))

function lines(spec: Spec, fields: SpecField[], version: number, span: Range): Line[] {
  return fields.flatMap((field): Line[] => {
    const exists = overlap(range(field.versions ?? field.taggedVersions), span)
    if (exists[0] > exists[1]) return []
    const { type } = field
    const name = camelCase(field.name)
    if (!within(version, exists)) {
      const absent = absentOfSpec(spec, field, span)
      return [{ name, lacking: true, ignorable: field.ignorable ?? false, absent }]
    }
    const isTagged = within(version, range(field.taggedVersions))
    return [
      {
        name,
        type: isStruct(type) ? type.replace(/[A-Z].*/, 'struct') : type,
        nullable: within(version, range(field.nullableVersions)),
        tag: isTagged ? field.tag : undefined,
        absent: isTagged ? absentOfSpec(spec, field, span) : undefined,
        fields: isStruct(type)
          ? lines(spec, membersOf(spec, field), version, spanOf(spec, field, exists))
          : undefined,
      },
    ]
  })
}

const camelCase = (name: string) => name[0]!.toLowerCase() + name.slice(1)

const sharedStruct = (spec: Spec, { type }: SpecField) =>
  spec.commonStructs?.find(({ name }) => name === type.replace('[]', ''))

const membersOf = (spec: Spec, field: SpecField): SpecField[] =>
  field.fields ?? sharedStruct(spec, field)!.fields

/** A struct of its own lives in the versions of its field; a shared one in all of the message. */
const spanOf = (spec: Spec, field: SpecField, exists: Range): Range =>
  field.fields === undefined ? range(spec.validVersions) : exists

/** Long.MAX_VALUE is 2^53 - 1 here. */
const LONG_MAX_TEXT = '9223372036854775807'

function absentOfSpec(spec: Spec, field: SpecField, span: Range): unknown {
  const { type } = field
  const given = field.default ?? ''
  if (given === 'null') return null
  if (type.startsWith('[]')) return []
  if (isStruct(type)) {
    const exists = overlap(range(field.versions ?? field.taggedVersions), span)
    const inner = spanOf(spec, field, exists)
    const members = membersOf(spec, field).filter((member) => {
      const [first, last] = overlap(range(member.versions ?? member.taggedVersions), inner)
      return first <= last
    })
    return Object.fromEntries(
      members.map((member) => [camelCase(member.name), absentOfSpec(spec, member, inner)]),
    )
  }
  if (type === 'string') return given
  if (type === 'bool') return given === true || given === 'true'
  if (type === 'uuid') return 'AAAAAAAAAAAAAAAAAAAAAA'
  if (type === 'bytes' || type === 'records') return 'no bytes'
  return given === LONG_MAX_TEXT ? Number.MAX_SAFE_INTEGER : Number(given)
}
