/**
 * Where fetches begin, held against the log of who answers: R11, of the quorum and of partitions. Records
 * leave only when the asked (offset, epoch) lies on that log; else the asker is told where they part.
 */
import { MetadataFetch } from '../../actors/quorum/fetch-wire.ts'
import type { Endpoint } from '../../transport/links/link.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import type { SimCluster } from './cluster.ts'
import { answerOf, requestOf } from './decoded.ts'
import type { Entry, Logs, LogView } from './logs.ts'
import { METADATA } from './quorum-checker.ts'
import { must } from './violation.ts'

export type PositionChecker = {
  /** An answer leaves. */
  answered(asked: Endpoint, api: string, request: Buffer, answer: Buffer): void
}

type Asked = { fetchOffset: number; lastFetchedEpoch: number }
type Told = {
  errorCode: number
  records?: Buffer | null
  divergingEpoch: { epoch: number; endOffset: number }
  logStartOffset: number
  snapshotId: { endOffset: number }
}

/** The last that begins below an offset. */
function before(entries: readonly Entry[], offset: number): Entry | undefined {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.base < offset) low = middle + 1
    else high = middle
  }
  return entries[low - 1]
}

export function checkPositions(
  cluster: SimCluster,
  logs: Logs,
  isCompacted: (view: LogView) => boolean,
): PositionChecker {
  function check(view: LogView | undefined, asked: Asked, told: Told): void {
    const { fetchOffset, lastFetchedEpoch } = asked
    const { divergingEpoch, snapshotId } = told
    if (view === undefined || told.errorCode !== errorCodes.NONE || lastFetchedEpoch < 0) return
    if (snapshotId.endOffset >= 0) return
    const previous = before(view.entries, fetchOffset)
    const words = () => ({
      node: view.nodeId,
      log: view.name,
      asked,
      divergingEpoch,
      bytes: told.records?.length ?? 0,
      previous,
    })
    if (divergingEpoch.epoch < 0) {
      // What stands below the start of the log nobody can tell any more.
      const lies =
        previous === undefined ||
        previous.last < told.logStartOffset ||
        (previous.epoch === lastFetchedEpoch && previous.last >= fetchOffset - 1)
      must(
        lies || (told.records?.length ?? 0) === 0,
        'R11',
        'records are for who asks by what lies on the log',
        words,
      )
      return
    }
    const own = view.entries.findLast(({ epoch }) => epoch <= lastFetchedEpoch)
    if (own === undefined) return
    const next = view.entries.find(({ epoch }) => epoch > own.epoch)
    must(
      divergingEpoch.epoch >= own.epoch &&
        divergingEpoch.epoch <= lastFetchedEpoch &&
        divergingEpoch.endOffset >= own.last + 1 &&
        divergingEpoch.endOffset <= (next?.base ?? Number.MAX_SAFE_INTEGER),
      'R11',
      'who asks by what does not is told the largest epoch not above its own, and its end',
      () => ({ own, next, ...words() }),
    )
  }

  function quorum(nodeId: number, request: Buffer, answer: Buffer): void {
    const asked = requestOf(MetadataFetch, request).topics[0]?.partitions[0]
    const told = answerOf(MetadataFetch, request, answer).responses[0]?.partitions[0]
    if (asked !== undefined && told !== undefined) check(logs.view(nodeId, METADATA), asked, told)
  }

  /** In a session only what is new is named; the rest stands where it stood. */
  function partitions(nodeId: number, request: Buffer, answer: Buffer): void {
    const { topics } = requestOf(Fetch, request)
    if (topics.length === 0) return
    const replicas = cluster.node(nodeId).parts?.broker?.host.replicas
    for (const { topicId, partitions: told } of answerOf(Fetch, request, answer).responses) {
      const named = topics.find((each) => each.topicId === topicId)
      for (const each of told) {
        const asked = named?.partitions.find(({ partition }) => partition === each.partitionIndex)
        const row = replicas?.find({ topicId, partition: each.partitionIndex })
        if (asked === undefined || row?.role !== 'leader') continue
        const view = logs.viewOf(nodeId, row)
        // What is compacted no longer tells what stood there.
        if (view !== undefined && !isCompacted(view)) check(view, asked, each)
      }
    }
  }

  return {
    answered({ nodeId }, api, request, answer) {
      if (api === MetadataFetch.name) quorum(nodeId, request, answer)
      else if (api === Fetch.name) partitions(nodeId, request, answer)
    },
  }
}
