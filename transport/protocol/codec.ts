/**
 * The codec of one declared message in all its versions, each compiled on first use.
 */
import { compileDecoder, type Decoder } from './decoder.ts'
import { compileEncoder, type Encoder } from './encoder.ts'
import { refuse } from './errors.ts'
import { nodeOf, type Struct, type StructNode } from './schema.ts'

export type Versions = readonly [lowest: number, highest: number]

export type Codec = {
  readonly name: string
  readonly struct: Struct
  readonly versions: Versions
  /** First version in the flexible format (KIP-482); undefined: none is. */
  readonly flexible: number | undefined
  readonly encoders: (Encoder | undefined)[]
  readonly decoders: (Decoder | undefined)[]
}

export const codec = (
  name: string,
  struct: Struct,
  versions: Versions,
  flexible: number | undefined,
): Codec => ({ name, struct, versions, flexible, encoders: [], decoders: [] })

export const isFlexible = ({ flexible }: { flexible?: number | undefined }, version: number) =>
  flexible !== undefined && version >= flexible

function check({ name, versions }: Codec, version: number) {
  if (Number.isInteger(version) && version >= versions[0] && version <= versions[1]) return
  refuse('UNSUPPORTED_VERSION', `${name} has versions ${versions.join(' to ')}, not ${version}`)
}

/** @throws KafkaError UNSUPPORTED_VERSION */
export function encoder(of: Codec, version: number): Encoder {
  const known = of.encoders[version]
  if (known !== undefined) return known
  check(of, version)
  const struct = nodeOf(of.struct) as StructNode
  const made = compileEncoder(of.name, struct, version, isFlexible(of, version))
  of.encoders[version] = made
  return made
}

/** @throws KafkaError UNSUPPORTED_VERSION */
export function decoder(of: Codec, version: number): Decoder {
  const known = of.decoders[version]
  if (known !== undefined) return known
  check(of, version)
  const struct = nodeOf(of.struct) as StructNode
  const made = compileDecoder(of.name, struct, version, isFlexible(of, version))
  of.decoders[version] = made
  return made
}
