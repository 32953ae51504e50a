/**
 * Keeps a node's image current: replays what the quorum commits, publishes image and delta to those
 * who listen, and asks for a snapshot when the log behind the last one is large or old (KIP-630).
 *
 * Nothing is published before all is replayed that is known to be committed: an image of last week
 * would have a broker take its logs for strays. Who listens hears of everything first.
 *
 * A record that cannot be applied stops it for good: nothing is published or written any more, and
 * the fault is reported (M3).
 */
import type { Config } from '../config/config.ts'
import { InvariantError } from '../invariant.ts'
import type { Logger } from '../log.ts'
import type { CommittedBatch, LoadedSnapshot, Quorum, QuorumListener } from '../quorum/types.ts'
import { createImage, type MutableImage } from './create-image.ts'
import { type Changes, collectChanges } from './delta.ts'
import type { MetadataDelta, MetadataImage, MetadataListener } from './image.ts'
import { createReplay, type Replay } from './replay.ts'
import { imageHash, toRecords } from './snapshot.ts'

export type LoaderPorts = {
  quorum: Pick<Quorum, 'highWatermark' | 'sinceSnapshot' | 'writeSnapshot'>
  config: Config
  log: Logger
  /** The image is of no use any more: the node may lead nothing and should stop. */
  fault: (why: unknown) => void
}

export type MetadataLoader = Omit<QuorumListener, 'handleLoadSnapshot'> & {
  /** Nothing is published before its last step. */
  handleLoadSnapshot(snapshot: LoadedSnapshot): Generator<void>
  /** Replaced when a snapshot is loaded. */
  image(): MetadataImage
  /** Who comes late hears first of all there is, as if from a snapshot. */
  listen(listener: MetadataListener): void
  /** Equal wherever the same offset was applied (M1). */
  hash(): string
  stop(): void
}

export function createLoader({ quorum, config, log, fault }: LoaderPorts): MetadataLoader {
  const listeners: MetadataListener[] = []
  let image: MutableImage = createImage()
  let replay: Replay = createReplay(image)
  /** What was replayed since the last publication: a transaction spans several batches. */
  let changes: Changes = collectChanges()
  let state: 'running' | 'faulty' | 'stopped' = 'running'
  let writing = false
  let catchingUp = true

  const guarded = (work: () => void): void => {
    if (state !== 'running') return
    try {
      work()
    } catch (why) {
      state = 'faulty'
      log.error({ err: why, offset: image.offset }, 'metadata cannot be applied')
      fault(why)
    }
  }

  /** @param next the first offset that is not in the image */
  function publish(next: number, delta: MetadataDelta): void {
    if (catchingUp && next < quorum.highWatermark()) return
    const first = catchingUp
    catchingUp = false
    for (const listener of listeners) listener(image, first ? everything() : delta)
  }

  /** Never inside a metadata transaction: what is held back is not in the image. */
  function snapshotIfDue(): void {
    if (writing) return
    const { bytes, ms } = quorum.sinceSnapshot()
    const large = bytes >= config.int('metadata.log.max.record.bytes.between.snapshots')
    const interval = config.int('metadata.log.max.snapshot.interval.ms')
    const old = interval > 0 && bytes > 0 && ms >= interval
    if (large || old) writeSnapshot()
  }

  function writeSnapshot(): void {
    const { offset, epoch, timestampMs } = image
    const slices = toRecords(image)
    writing = true
    quorum
      .writeSnapshot(offset, epoch, timestampMs, slices)
      .then(
        (bytes) => {
          if (bytes !== undefined) log.info({ offset, epoch, bytes }, 'snapshot written')
        },
        (why: unknown) => {
          log.error({ err: why, offset, epoch }, 'snapshot not written')
          // Else the next one is tried when it is due; until then the log is longer than it needs to be.
          if (why instanceof InvariantError) fault(why)
        },
      )
      .finally(() => {
        slices.return?.()
        writing = false
      })
  }

  function* load(snapshot: LoadedSnapshot): Generator<void> {
    const next = createImage()
    for (const records of snapshot.batches) {
      for (const record of records) next.apply(record)
      yield
    }
    next.advance(
      snapshot.lastContainedOffset,
      snapshot.lastContainedEpoch,
      snapshot.lastContainedTimestampMs,
    )
    const gone = collectChanges()
    for (const { id, name, partitionCount } of deletedBetween(image, next)) {
      gone.topicDeleted(id, name, partitionCount)
    }
    image = next
    replay = createReplay(image)
    changes = collectChanges()
    publish(image.offset + 1, gone.delta(true))
  }

  return {
    handleCommit(batch: CommittedBatch) {
      guarded(() => {
        replay.apply(batch, changes)
        if (replay.open() !== undefined) return
        const delta = changes.delta(false)
        changes = collectChanges()
        publish(batch.lastOffset + 1, delta)
        snapshotIfDue()
      })
    },
    handleLoadSnapshot: function* (snapshot) {
      const steps = load(snapshot)
      for (;;) {
        let isDone: boolean | undefined = true
        guarded(() => {
          isDone = steps.next().done
        })
        if (isDone) return
        yield
      }
    },
    /** An image does not depend on who leads. */
    handleLeaderChange: () => {},
    image: () => image,
    listen(listener) {
      listeners.push(listener)
      if (!catchingUp) guarded(() => listener(image, everything()))
    },
    hash: () => imageHash(image),
    stop() {
      state = 'stopped'
    },
  }
}

const everything = (): MetadataDelta => collectChanges().delta(true)

function* deletedBetween(before: MutableImage, after: MutableImage) {
  for (const topic of before.topics()) {
    if (after.topicById(topic.id) !== undefined) continue
    yield { id: topic.id, name: topic.name, partitionCount: topic.partitionCount() }
  }
}
