/**
 * All logs of one broker, over its log directories.
 *
 * Opening brings back every partition folder that names its topic id; folders that do not are set
 * aside (S11). A directory that fails takes its logs with it, and the others go on (S8).
 */
import { invariant } from '../../actors/invariant.ts'
import type { Logger } from '../../actors/log.ts'
import type { Clock } from '../../actors/ports/clock.ts'
import type {
  Log,
  LogConfig,
  LogDirectory,
  LogStore,
  TopicPartition,
} from '../../actors/ports/log.ts'
import { StorageError } from '../../actors/ports/log.ts'
import type { Random } from '../../actors/ports/random.ts'
import { joinPath } from '../disk/disk.ts'
import { type OffsetEntry, partitionName } from './checkpoints.ts'
import { NO_BROKER_EPOCH, writeCleanMarker } from './clean-marker.ts'
import { closeLogCleanly } from './close-log.ts'
import type { Directories, OpenDirectory } from './directories.ts'
import { createLog, type LogOrigin, loadLog } from './load-log.ts'
import { logOf } from './log.ts'
import { asideName, listFolders } from './log-folders.ts'
import { type LogState, promisedOffset } from './log-state.ts'
import { readTopicId } from './partition-metadata.ts'
import { pauseOf } from './pause.ts'
import { METADATA_PARTITION } from './quorum-store.ts'
import { closeSegment } from './segment.ts'
import { closeShared, createShared } from './shared.ts'
import {
  type CheckpointFiles,
  checkpointFiles,
  type DirectoryCheckpoints,
  readCheckpoints,
} from './store-checkpoints.ts'
import { dropTail } from './tail-cache.ts'

const OPEN_FILES_MAX = 1024
/** Who keeps up reads at once. What stays longer grows old in the heap, which costs more than a read. */
const TAIL_BYTES_MAX = 4 * 1024 * 1024
/** With the quorum's one, below the four threads of the pool. */
const SYNCS_MAX = 2
const LOADS_PER_PAUSE = 16

export type LogStoreOptions = {
  directories: Directories
  clock: Clock
  random: Random
  logger: Logger
  /** What a log obeys until the image is known and it is reconfigured. */
  configOf: (topic: string) => LogConfig
  openFilesMax?: number
  tailBytesMax?: number
}

type Stored = { state: LogState; log: Log }

type Place = {
  directory: OpenDirectory
  left: DirectoryCheckpoints
  checkpoints: CheckpointFiles
  forget(partition: string): void
  logs: Set<LogState>
}

export async function openLogStore(options: LogStoreOptions): Promise<LogStore> {
  const { clock, configOf, directories, logger, random } = options
  const shared = createShared({
    clock,
    openFilesMax: options.openFilesMax ?? OPEN_FILES_MAX,
    tailBytesMax: options.tailBytesMax ?? TAIL_BYTES_MAX,
    syncsMax: SYNCS_MAX,
  })
  const stored = new Map<string, Stored>()
  /** By name, the copies beyond the one in `stored`, with the high watermark of each. */
  const copies = new Map<string, (Stored & { highWatermark: number })[]>()
  const highWatermarks = new Map<string, number>()
  const pause = pauseOf(clock)
  const places: Place[] = directories.logs.map((directory) => {
    const logs = new Set<LogState>()
    const left = readCheckpoints(directory, logger)
    const { files, forget } = checkpointFiles(directory, left, () => [...logs], highWatermarks)
    return { directory, left, checkpoints: files, forget, logs }
  })

  const isOnline = ({ disk }: { disk: OpenDirectory['disk'] }) => disk.failure() === undefined
  const placeOf = (state: LogState) =>
    places.find(({ directory }) => directory === state.directory)!

  function originOf(
    { directory, checkpoints }: Place,
    of: TopicPartition,
    topicId: string,
  ): LogOrigin {
    return {
      topic: of.topic,
      partition: of.partition,
      topicId,
      shared,
      directory,
      path: joinPath(directory.path, partitionName(of)),
      config: configOf(of.topic),
      checkpoints,
    }
  }
  function keep(state: LogState): Log {
    const log = logOf(state)
    stored.set(partitionName(state), { state, log })
    placeOf(state).logs.add(state)
    return log
  }
  function* everyState(): Generator<LogState> {
    for (const { logs } of places) yield* logs
  }

  async function loadDirectory(place: Place) {
    const { directory } = place
    let loaded = 0
    for (const folder of listFolders(directory)) {
      const path = joinPath(directory.path, folder.name)
      if (folder.kind === 'deleted') shared.deletions.later(directory.disk, [path], 0)
      if (folder.kind !== 'log' || folder.name === partitionName(METADATA_PARTITION)) continue
      await loadFolder(place, folder.of)
      if (++loaded % LOADS_PER_PAUSE === 0) await pause()
    }
  }

  async function loadFolder(place: Place, of: TopicPartition) {
    const { directory, left } = place
    const name = partitionName(of)
    const topicId = readTopicId(directory.disk, joinPath(directory.path, name))
    if (topicId === undefined) {
      logger.warn({ directory: directory.path, log: name }, 'set aside: no topic id')
      rename(directory, of, joinPath(directory.path, name), 'stray')
      return
    }
    const asLeft = {
      startOffset: left.logStarts.get(name) ?? 0,
      recoveryPoint: left.recoveryPoints.get(name) ?? 0,
      cleanedTo: left.cleanerOffsets.get(name),
      isClean: directory.previousBrokerEpoch !== NO_BROKER_EPOCH,
    }
    const state = await loadLog(originOf(place, of, topicId), asLeft, pause)
    const { startOffset, endOffset, damage } = state
    const known = Math.min(left.highWatermarks.get(name) ?? 0, endOffset)
    const highWatermark = Math.max(known, startOffset)
    if (damage !== undefined) logger.error({ log: name, ...damage }, 'log damaged')
    if (!stored.has(name)) {
      keep(state)
      highWatermarks.set(name, highWatermark)
      return
    }
    place.logs.add(state)
    const copy = { state, log: logOf(state), highWatermark }
    copies.set(name, [...(copies.get(name) ?? []), copy])
  }

  /** Out of sight now; unlinked later where it is to be deleted. */
  function rename(
    directory: OpenDirectory,
    of: TopicPartition,
    path: string,
    suffix: 'delete' | 'stray',
  ): string {
    const aside = joinPath(directory.path, asideName(of, random.uuid(), suffix))
    directory.disk.rename(path, aside)
    // What was deleted may be there again after a power cut, and is a stray then. One sync, off the
    // loop, does for a topic of a thousand partitions; its failure takes the directory offline.
    if (suffix === 'delete') directory.syncNames().catch(() => {})
    else directory.disk.syncDirectory(directory.path)
    return aside
  }

  function take(of: TopicPartition, suffix: 'delete' | 'stray') {
    const found = stored.get(partitionName(of))
    if (found === undefined) return undefined
    stored.delete(partitionName(of))
    highWatermarks.delete(partitionName(of))
    return { state: found.state, aside: putAside(found.state, suffix) }
  }

  /** @returns its path from now on */
  function putAside(state: LogState, suffix: 'delete' | 'stray'): string {
    state.isGone = true
    dropTail(state.tail)
    for (const segment of state.segments) closeSegment(segment, shared.files)
    placeOf(state).logs.delete(state)
    return rename(placeOf(state).directory, state, state.path, suffix)
  }

  function settle(name: string, directoryOf: (copy: Log) => string | undefined) {
    const highWatermark = highWatermarks.get(name) ?? 0
    const all = [{ ...stored.get(name)!, highWatermark }, ...copies.get(name)!]
    const isNamed = ({ log }: Stored) => directoryOf(log) === log.directoryId
    const rank = ({ log }: Stored) => [
      directoryOf(log) === undefined ? 0 : 1,
      log.latestEpoch() ?? -1,
      log.endOffset(),
    ]
    const most = all.reduce((best, each) => (isMore(rank(each), rank(best)) ? each : best))
    const chosen = all.find(isNamed) ?? most
    for (const copy of all) {
      if (copy === chosen || !isOnline(copy.state.directory)) continue
      logger.warn({ log: name, directory: copy.state.directory.path }, 'second copy set aside')
      orKept(() => putAside(copy.state, 'stray'))
    }
    stored.set(name, { state: chosen.state, log: chosen.log })
    highWatermarks.set(name, chosen.highWatermark)
  }

  /** What a failed directory holds of a partition stays there. */
  function forgetOffline(of: TopicPartition) {
    const found = stored.get(partitionName(of))
    if (found === undefined) return
    const { state } = found
    invariant(!isOnline(state.directory), 'a partition is created once', { of })
    state.isGone = true
    dropTail(state.tail)
    stored.delete(partitionName(of))
    placeOf(state).logs.delete(state)
    highWatermarks.delete(partitionName(of))
  }

  function choose(directoryId: string | undefined): Place {
    const online = places.filter(({ directory }) => isOnline(directory))
    const named = online.find(({ directory }) => directory.id === directoryId)
    if (named !== undefined) return named
    const [fewest] = online.sort((a, b) => a.logs.size - b.logs.size)
    if (fewest !== undefined) return fewest
    throw new StorageError(places[0]?.directory.path ?? '', 'no log directory is online')
  }

  function note(given: Iterable<OffsetEntry>) {
    for (const entry of given) {
      const name = partitionName(entry)
      if (stored.has(name)) highWatermarks.set(name, entry.offset)
    }
  }

  async function checkpointAll(what: keyof CheckpointFiles) {
    const files = places.filter(({ directory }) => isOnline(directory))
    // One that fails is offline now, and its listeners know.
    await Promise.allSettled(files.map(({ checkpoints }) => checkpoints[what].writeLater()))
  }

  const store: LogStore = {
    directories: () =>
      places.map(({ directory }) => ({
        id: directory.id,
        path: directory.path,
        online: isOnline(directory),
      })),
    space(directoryId) {
      const place = places.find(({ directory }) => directory.id === directoryId)
      if (place === undefined || !isOnline(place.directory)) return undefined
      try {
        return place.directory.disk.space(place.directory.path)
      } catch (err) {
        logger.warn({ path: place.directory.path, err }, 'the size of a volume is not known')
        return undefined
      }
    },
    // One directory without the marker is enough: some of what was acknowledged may be gone.
    previousBrokerEpoch() {
      const epochs = new Set(places.map(({ directory }) => directory.previousBrokerEpoch))
      return epochs.size === 1 ? [...epochs][0]! : NO_BROKER_EPOCH
    },
    *logs() {
      for (const { state, log } of stored.values()) if (isOnline(state.directory)) yield log
    },
    get(of) {
      const found = stored.get(partitionName(of))
      return found !== undefined && isOnline(found.state.directory) ? found.log : undefined
    },
    create(of, topicId, config, directoryId) {
      const place = choose(directoryId)
      forgetOffline(of)
      place.forget(partitionName(of))
      return keep(createLog({ ...originOf(place, of, topicId), config }))
    },
    settleCopies(directoryOf) {
      for (const name of copies.keys()) settle(name, directoryOf)
      copies.clear()
    },
    remove(of) {
      const taken = take(of, 'delete')
      if (taken === undefined) return
      const { directory, config } = taken.state
      shared.deletions.later(directory.disk, [taken.aside], config.fileDeleteDelayMs)
    },
    setAside(of) {
      take(of, 'stray')
    },
    checkpointedHighWatermark: (of) => highWatermarks.get(partitionName(of)) ?? 0,
    checkpointHighWatermarks(given) {
      note(given)
      return checkpointAll('highWatermarks')
    },
    checkpointRecoveryPoints: () => checkpointAll('recoveryPoints'),
    checkpointLogStarts: () => checkpointAll('logStarts'),
    onDirectoryFailure(listener) {
      directories.onFailure((failed: LogDirectory) => {
        if (places.some(({ directory }) => directory.id === failed.id)) listener(failed)
      })
    },
    async closeCleanly(brokerEpoch, given) {
      note(given)
      await Promise.all(places.map((place) => closePlace(place, brokerEpoch)))
      closeShared(shared, [...everyState()])
    },
    abandon() {
      closeShared(shared, [...everyState()])
    },
  }

  /** The marker is the last that is written, and only where all before it was. */
  async function closePlace({ directory, logs, checkpoints }: Place, brokerEpoch: number) {
    if (!isOnline(directory)) return
    try {
      await Promise.all([...logs].map(closeLogCleanly))
      for (const log of logs) log.checkpointedRecoveryPoint = promisedOffset(log)
      for (const file of Object.values(checkpoints)) file.write()
      writeCleanMarker(directory.disk, directory.path, brokerEpoch)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
    }
  }

  for (const { path, why } of directories.failed) {
    logger.error({ directory: path, why }, 'log directory offline')
  }
  for (const place of places) {
    try {
      await loadDirectory(place)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      logger.error({ directory: place.directory.path, why: error.message }, 'log directory offline')
    }
  }
  if (!places.some(({ directory }) => isOnline(directory))) {
    throw new StorageError(directories.failed[0]?.path ?? '', 'no log directory is online')
  }
  return store
}

/** Compares by the first place that differs. */
function isMore(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, place) => value !== b[place])
  return at >= 0 && a[at]! > b[at]!
}

/** Whose directory fails meanwhile stays in it. */
function orKept(setAside: () => void) {
  try {
    setAside()
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
  }
}
