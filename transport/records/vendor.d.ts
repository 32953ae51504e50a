/** Packages without types, as far as they are used here. */
declare module 'lz4js/xxh32.js' {
  const xxh32: { hash(seed: number, bytes: Uint8Array, start: number, length: number): number }
  export = xxh32
}
declare module 'snappyjs' {
  const snappy: { compress(plain: Buffer): Buffer }
  export = snappy
}
