/**
 * What leaves a topic by itself, and S9: of each key the last value stays. Keys are drawn from the
 * values, so that a value tells its key.
 */

import { SWAP } from '../../runtime/storage/swap.ts'
import { batches } from '../../transport/records/batch.ts'
import { records } from '../../transport/records/records.ts'
import type { SimNode } from './cluster.ts'
import type { LogView } from './logs.ts'
import type { TopicSpec } from './script.ts'
import { must } from './violation.ts'

/** Nothing; what is old or too much; what a later value of the same key supersedes. */
export type Cleanup = 'keeps' | 'deletes' | 'compacts'

export function cleanupFor({ configs }: Pick<TopicSpec, 'configs'>): Cleanup {
  if (configs['cleanup.policy'] === 'compact') return 'compacts'
  const isBounded = ['retention.ms', 'retention.bytes'].some((name) => configs[name] !== undefined)
  return isBounded ? 'deletes' : 'keeps'
}

const keys = 5

/** Few keys, so that most values are superseded. */
export function keyOfValue(value: string): string {
  const [label] = value.split('-x', 1)
  let sum = 0
  for (const character of label!) sum += character.charCodeAt(0)
  return `key-${sum % keys}`
}

type Acked = { base: number; values: string[] }

/** Cleaned segments that are promised, and have not got their own names yet. */
function* promisedIn({ disk }: SimNode, folder: string): Generator<Buffer> {
  for (const name of disk.names(folder)) {
    if (name.endsWith(`.log${SWAP}`)) yield disk.file(`${folder}/${name}`)!.data
  }
}

/** S9: for each that was acknowledged its key has a value there or behind it. */
export function checkLastValues(
  node: SimNode,
  view: LogView | undefined,
  { topic, partition, acked }: { topic: string; partition: number; acked: readonly Acked[] },
): void {
  const last = new Map<string, number>()
  function note(bytes: Buffer): void {
    for (const at of batches(bytes)) {
      for (const { key, offset } of records(bytes, at)) last.set(String(key), offset)
    }
  }
  if (view !== undefined) for (const bytes of promisedIn(node, view.folder)) note(bytes)
  for (const { file, position, size } of view?.entries ?? []) {
    note(node.disk.file(file)!.data.subarray(position, position + size))
  }
  for (const { base, values } of acked) {
    for (const [index, value] of values.entries()) {
      const key = keyOfValue(value)
      const offset = base + index
      must((last.get(key) ?? -1) >= offset, 'S9', 'of each key the last value stays', () => ({
        node: node.id,
        partition: `${topic}-${partition}`,
        key,
        value: value.slice(0, 40),
        offset,
        last: last.get(key),
      }))
    }
  }
}
