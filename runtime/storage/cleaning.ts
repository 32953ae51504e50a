/**
 * A cleaning under way, as the rest of its log sees it: whoever cuts or drops segments ends it
 * first, and its drafts leave with it.
 */
import { dropSegments } from './drop-segments.ts'
import type { LogState } from './log-state.ts'
import { closeSegment, type Segment } from './segment.ts'

export type Cleaning = {
  /** What is cut at or behind this offset does not concern it. */
  endOffset: number
  isAborted: boolean
  /** Written, and not in the place of those that it replaces. */
  draft: Segment | undefined
}

/** @param fromOffset what changes lies at or behind it */
export function abortCleaning(log: LogState, fromOffset = 0) {
  const { cleaning } = log
  if (cleaning === undefined || fromOffset >= cleaning.endOffset) return
  cleaning.isAborted = true
  dropDraft(log, cleaning)
}

export function dropDraft(log: LogState, cleaning: Cleaning) {
  const { draft } = cleaning
  if (draft === undefined) return
  cleaning.draft = undefined
  // Of a removed log, or one whose disk failed, nothing is touched: the next start finds the draft.
  if (log.isGone || log.directory.disk.failure() !== undefined) {
    draft.isDropped = true
    closeSegment(draft, log.shared.files)
  } else {
    dropSegments(log, [draft], 0)
  }
}

export const isStopped = (log: LogState, { isAborted }: Cleaning) => isAborted || log.isGone
