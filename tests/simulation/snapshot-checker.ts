/**
 * What snapshots of the metadata stand for: R16, M2. Each that is complete on a disk is read there and
 * loaded, and held against a replay of what was committed up to it.
 */
import { createImage, type MutableImage } from '../../actors/metadata/create-image.ts'
import { createReplay, type Replay } from '../../actors/metadata/replay.ts'
import { toRecords } from '../../actors/metadata/snapshot.ts'
import { loadSnapshot } from '../../actors/quorum/snapshot-file.ts'
import type { CommittedBatch } from '../../actors/quorum/types.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import { imageDigest } from './image-digest.ts'
import { METADATA } from './quorum-checker.ts'
import { must } from './violation.ts'

export type SnapshotChecker = {
  /** Each batch once, in the order of the log. */
  committed(batch: CommittedBatch): void
  sometimes(): void
}

type Told = { digest: string; epoch: number; timestampMs: number }

const snapshotName = /^(\d{20})-(\d{10})\.checkpoint$/

export function checkSnapshots(cluster: SimCluster, committedEnd: () => number): SnapshotChecker {
  const batches: CommittedBatch[] = []
  const looked = new Set<string>()
  /** End offset → what was replayed below it; undefined: no batch ends there. */
  const replayed = new Map<number, Told | undefined>()
  let image: MutableImage
  let replay: Replay
  let next: number
  begin()

  function begin(): void {
    image = createImage()
    replay = createReplay(image)
    next = 0
  }

  function toldAt(end: number): Told | undefined {
    if (replayed.has(end)) return replayed.get(end)
    if (image.offset >= end) begin()
    for (; (batches[next]?.lastOffset ?? end) < end; next++) replay.apply(batches[next]!)
    const { offset, epoch, timestampMs } = image
    const told = offset === end - 1 ? { digest: imageDigest(image), epoch, timestampMs } : undefined
    replayed.set(end, told)
    return told
  }

  function check({ id: node, disk, directory }: SimNode, name: string): void {
    const [, end = '', epoch = ''] = snapshotName.exec(name)!
    const id = { offset: Number(end), epoch: Number(epoch) }
    if (id.offset === 0) return
    const { data } = disk.file(`${directory}/${METADATA}/${name}`)!
    const snapshot = loadSnapshot({
      id,
      sizeBytes: data.length,
      read: (position, maxBytes) => data.subarray(position, position + maxBytes),
    })
    const records = [...snapshot.batches].flat()
    const loaded = createImage()
    for (const record of records) loaded.apply(record)
    const told = toldAt(id.offset)
    must(
      told?.digest === imageDigest(loaded) &&
        told.epoch === id.epoch &&
        told.timestampMs === snapshot.lastContainedTimestampMs,
      'M2',
      'to load a snapshot is to replay the log up to it',
      () => ({ node, name, told, timestampMs: snapshot.lastContainedTimestampMs }),
    )
    const again = [...toRecords(loaded)].flat()
    must(
      JSON.stringify(again) === JSON.stringify(records),
      'M2',
      'what was loaded from a snapshot is written as it was read',
      () => ({ node, name, records: records.length, again: again.length }),
    )
  }

  /** R16: a log that begins above 0 begins where a whole snapshot ends. */
  function checkStart({ id: node, parts }: SimNode, ends: readonly number[]): void {
    const start = parts!.quorum.rpc.replica.log.startOffset()
    const told = () => ({ node, start, ends, committedEnd: committedEnd() })
    must(start === 0 || ends.includes(start), 'R16', 'a snapshot stands where the log starts', told)
    must(
      ends.every((end) => end <= committedEnd()),
      'R16',
      'snapshots end at or below the high watermark',
      told,
    )
  }

  return {
    committed: (batch) => void batches.push(batch),
    sometimes() {
      for (const node of cluster.nodes) {
        if (node.parts === undefined) continue
        const names = node.disk
          .names(`${node.directory}/${METADATA}`)
          .filter((name) => snapshotName.test(name))
        checkStart(
          node,
          names.map((name) => Number(name.slice(0, 20))),
        )
        for (const name of names) {
          const key = `${node.id}/${node.directoryId}/${name}`
          if (looked.has(key)) continue
          looked.add(key)
          check(node, name)
        }
      }
    },
  }
}
