/**
 * Who was fenced although nobody ended it: read from the metadata logs that a cluster leaves, so both
 * sides are judged alike and by nothing that they say of themselves.
 *
 * A broker may be fenced from when it was told to end, or was killed, until it was started again.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeDataBatch } from '../../actors/quorum/data-records.ts'
import { batches, isControl, maxTimestamp } from '../../transport/records/batch.ts'
import { type Cluster, nodeIds, type System } from './systems/system.ts'

/** In all clusters of one side so far. */
export type Fences = { wanted: number; false: number }

/** `untilMs` is Infinity while it is down. */
type Down = { fromMs: number; untilMs: number }

export type Fencing = { brokerId: number; atMs: number }

/** Clients of NATS, or a controller's timer, may be a little behind what ended a node. */
const slackMs = 1_000

/** The same system; what its clusters fence is counted once they are closed. */
export function watched(system: System) {
  const fences: Fences = { wanted: 0, false: 0 }
  let asked: Fences = { ...fences }
  return {
    fences,
    /** Since this was asked last. */
    fencesSince(): Fences {
      const before = asked
      asked = { ...fences }
      return { wanted: fences.wanted - before.wanted, false: fences.false - before.false }
    },
    system: {
      ...system,
      async create(folder: string, extra?: Record<string, string>) {
        const cluster = await system.create(folder, extra)
        return watchCluster(cluster, (down) => {
          for (const fencing of fencingsIn(folder)) {
            if (isWanted(fencing, down)) fences.wanted++
            else fences.false++
          }
        })
      },
    },
  }
}

const isWanted = ({ brokerId, atMs }: Fencing, down: ReadonlyMap<number, Down[]>): boolean =>
  down.get(brokerId)!.some(({ fromMs, untilMs }) => atMs >= fromMs && atMs <= untilMs + slackMs)

function watchCluster(
  cluster: Cluster,
  closed: (down: ReadonlyMap<number, Down[]>) => void,
): Cluster {
  const down = new Map(nodeIds.map((id): [number, Down[]] => [id, []]))
  const ends = (ids: readonly number[]) => {
    for (const id of ids) down.get(id)!.push({ fromMs: Date.now(), untilMs: Infinity })
  }
  const starts = (ids: readonly number[]) => {
    for (const id of ids) {
      const last = down.get(id)!.at(-1)
      if (last !== undefined) last.untilMs = Date.now()
    }
  }
  return {
    ...cluster,
    start() {
      starts(nodeIds)
      return cluster.start()
    },
    restart(id) {
      starts([id])
      return cluster.restart(id)
    },
    kill(id) {
      ends([id])
      return cluster.kill(id)
    },
    stop(id) {
      ends([id])
      return cluster.stop(id)
    },
    killAll() {
      ends(nodeIds)
      return cluster.killAll()
    },
    stopAll() {
      ends(nodeIds)
      return cluster.stopAll()
    },
    async close() {
      ends(nodeIds)
      await cluster.close()
      closed(down)
    },
  }
}

/** Each once, whichever nodes have it. */
export function fencingsIn(folder: string): Fencing[] {
  const found = new Map<string, Fencing>()
  for (const directory of metadataLogsBelow(folder)) {
    for (const name of readdirSync(directory)) {
      if (!name.endsWith('.log')) continue
      const bytes = readFileSync(join(directory, name))
      for (const at of batches(bytes)) {
        if (isControl(bytes, at)) continue
        const atMs = maxTimestamp(bytes, at)
        for (const record of decodeDataBatch(bytes, at)) {
          if (record.type !== 'BrokerRegistrationChangeRecord' || record.fenced !== 1) continue
          const { brokerId, brokerEpoch } = record
          found.set(`${brokerId} ${brokerEpoch} ${atMs}`, { brokerId, atMs })
        }
      }
    }
  }
  return [...found.values()]
}

function metadataLogsBelow(folder: string): string[] {
  const logDirs = [folder, join(folder, 'data')].flatMap((parent) =>
    existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : [],
  )
  return logDirs.map((path) => join(path, '__cluster_metadata-0')).filter(existsSync)
}
