/**
 * The codec of one declared message in all its versions, each compiled on first use.
 */
import { compileDecoder, type Decoder } from './decoder.ts'
import { compileEncoder, type Encoder } from './encoder.ts'
import { refuse } from './errors.ts'
import type { Apart } from './reader.ts'
import { nodeOf, type Struct, type StructNode } from './schema.ts'
import { isReferenced } from './writer.ts'

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

/**
 * Decodes a message in the chunks that `encoder` made of it. Large byte fields stay the Buffers they
 * were; the rest is joined.
 * @throws DecodeError, or KafkaError UNSUPPORTED_VERSION
 */
export function decodeChunks(of: Codec, version: number, chunks: Buffer[]): unknown {
  const decode = decoder(of, version)
  if (chunks.length === 1) return decode(chunks[0]!, 0)
  const apart: Apart[] = []
  const rest: Buffer[] = []
  let at = 0
  for (const chunk of chunks) {
    if (isReferenced(chunk)) apart.push({ at, bytes: chunk })
    else {
      rest.push(chunk)
      at += chunk.length
    }
  }
  return decode(rest.length === 1 ? rest[0]! : Buffer.concat(rest, at), 0, apart)
}
