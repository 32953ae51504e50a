/**
 * A record type: what logs, snapshots and small files hold, declared like a message. How its
 * version is told (a frame, an int16, a record's key) is the affair of whoever stores it.
 */
import { type Codec, codec, decoder, encoder, type Versions } from './codec.ts'
import type { Struct, Value } from './schema.ts'

export type RecordDeclaration = {
  name: string
  /** Number of the type, where the log tells types apart by one. */
  key?: number
  versions: Versions
  /** First flexible version; absent: none is. */
  flexible?: number
}

export type RecordType<S extends Struct = Struct> = Readonly<RecordDeclaration> & {
  readonly codec: Codec & { readonly struct: S }
}
/** What a record of the type holds. */
export type Content<T> = T extends RecordType<infer S> ? Value<S> : never

export const record = <S extends Struct>(declaration: RecordDeclaration, struct: S) => {
  const { name, versions, flexible } = declaration
  const of: RecordType<S> = {
    ...declaration,
    codec: { ...codec(name, struct, versions, flexible), struct },
  }
  return of
}

/** @throws KafkaError UNSUPPORTED_VERSION when a field is set that the version lacks */
export const encodeRecord = <T extends RecordType>(
  of: T,
  version: number,
  content: Content<T>,
): Buffer => Buffer.concat(encoder(of.codec, version)(content))

/** @throws DecodeError, or KafkaError UNSUPPORTED_VERSION */
export const decodeRecord = <T extends RecordType>(
  of: T,
  version: number,
  bytes: Buffer,
  at = 0,
): Content<T> => decoder(of.codec, version)(bytes, at) as Content<T>
