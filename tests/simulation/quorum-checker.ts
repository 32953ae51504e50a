/** The rules of the metadata quorum: R1 to R10, R12, R18, S4 and S14, and M1 of what it
 * agrees on. */

import type { Controller } from '../../actors/controller/controller.ts'
import type { MutableImage } from '../../actors/metadata/create-image.ts'
import type { Leadership } from '../../actors/quorum/leadership.ts'
import type { CommittedBatch, Voter } from '../../actors/quorum/types.ts'
import type { NodeParts } from '../../runtime/node.ts'
import { QUORUM_STATE } from '../../runtime/storage/quorum-state.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import { imageDigest } from './image-digest.ts'
import type { Entry, Logs, LogView } from './logs.ts'
import { must } from './violation.ts'

export const METADATA = '__cluster_metadata-0'

export type Vote = {
  leaderId: number
  leaderEpoch: number
  votedId: number
  votedDirectoryId: string
}

const campaigns = new Set(['prospective', 'candidate', 'leader'])
const isSame = (a: Entry, b: Entry) => a.crc === b.crc && a.epoch === b.epoch
const keyOfVoter = ({ id, directoryId }: { id: number; directoryId: string }) =>
  `${id}/${directoryId}`

export type QuorumChecker = {
  /** After each step. */
  step(): void
  /** Now and then: what costs more. */
  sometimes(): void
  /** Each batch once, in the order of the log. */
  committed(batch: CommittedBatch): void
  truncated(view: LogView, gone: Entry[]): void
  /** A disk is damaged. Its node may have told what stood there: the leader has yet to hear of it. */
  lost(nodeId: number): void
  /** The disk of an observer is as it was once: what it stored since is forgotten. */
  restored(node: SimNode): void
  committedEnd(): number
  elections(): number
}

export function checkQuorum(
  cluster: SimCluster,
  logs: Logs,
  /** A quorum state became durable; violations are thrown behind the step. */
  stored: (node: SimNode, state: Vote) => void = () => {},
): QuorumChecker {
  /** Epoch → who led it. */
  const leaders = new Map<number, { node: number; directoryId: string; life: number }>()
  const votes = new Map<string, Vote>()
  const epochs = new Map<string, number>()
  const named = new Map<string, number>()
  /** Node → the end that it took for durable last. */
  const durableEnds = new Map<number, number>()
  /** Node → base offset → what stood durably on its disk until that was damaged. */
  const heldOnce = new Map<number, Map<number, Entry>>()
  /** Base offset → what was committed there. */
  const committed = new Map<number, Entry>()
  const highWatermarks = new WeakMap<NodeParts, number>()
  const images = new Map<number, string>()
  const hashed = new WeakMap<NodeParts, number>()
  const registrations = new Map<string, string>()
  /** Looked at behind the step: what is thrown inside a disk's call is the node's to handle. */
  const written: { node: SimNode; text: string }[] = []
  const durable = new WeakMap<NodeParts, number>()
  const roles = new WeakMap<NodeParts, { state: string; epoch: number }>()
  const voterIds = cluster.nodes
    .filter(({ isController }) => isController)
    .map(keyOfVoter)
    .sort()
    .join()
  /** Who led when last looked at, and with which voters. */
  const leading = new Map<SimNode, { led: Leadership; voters: readonly Voter[] }>()
  /** They were, when last looked at. */
  const active = new WeakSet<Controller>()
  let committedEnd = 0
  let looks = 0
  /** The last committed offset, and the last that says something. */
  let told = -1
  let lastNews = -1

  for (const node of cluster.nodes) {
    const { disk } = node
    const { watcher } = disk
    if (watcher === undefined) continue
    const path = `${node.directory}/${METADATA}`
    watcher.namesSynced = (directory) => {
      // What it starts without may be the very file.
      if (directory !== path || node.refused !== undefined) return
      const content = disk.file(`${path}/${QUORUM_STATE}`)?.durable
      if (content === undefined) return
      const text = content.toString('utf8')
      written.push({ node, text })
      if (text.endsWith('}')) stored(node, JSON.parse(text) as Vote)
    }
  }

  function checkVote(node: SimNode, state: Vote): void {
    const who = `${node.id}/${node.directoryId}`
    const { leaderEpoch, leaderId, votedId, votedDirectoryId } = state
    const before = epochs.get(who) ?? 0
    must(leaderEpoch >= before, 'R3', 'the durable epoch never decreases', () => ({
      who,
      before,
      state,
    }))
    epochs.set(who, leaderEpoch)
    const key = `${who}@${leaderEpoch}`
    const vote = votes.get(key)
    if (vote !== undefined) {
      const isSame = vote.votedId === votedId && vote.votedDirectoryId === votedDirectoryId
      must(isSame, 'R2', 'one vote an epoch, and it is kept', () => ({ who, vote, state }))
    } else if (votedId >= 0) votes.set(key, state)
    if (leaderId >= 0) {
      const known = named.get(key) ?? leaderId
      must(known === leaderId, 'R4', 'one leader is named for an epoch', () => ({
        who,
        known,
        state,
      }))
      named.set(key, leaderId)
    }
  }

  /** What a node takes for durable: S4, S14. */
  function checkDurable(node: SimNode): void {
    const { parts } = node
    if (parts === undefined) return
    const claimed = parts.quorum.rpc.replica.log.durableEndOffset()
    const known = durable.get(parts) ?? 0
    if (claimed === known) return
    durable.set(parts, claimed)
    durableEnds.set(node.id, claimed)
    const { entries } = logs.view(node.id, METADATA) ?? { entries: [] }
    for (let at = entries.length - 1; at >= 0; at--) {
      const entry = entries[at]!
      if (entry.last < known) break
      if (entry.last >= claimed) continue
      must(logs.isDurable(node.id, entry), 'S4', 'what counts as durable is', () => ({
        node: node.id,
        claimed,
        known,
        entry,
      }))
    }
  }

  /** The role as it is between two steps: R12, R18. */
  function checkRole(node: SimNode): void {
    const { parts, running } = node
    if (parts === undefined || running === undefined) return
    const { state, context } = parts.quorum.role()
    must(
      node.isController || !campaigns.has(state),
      'R18',
      'an observer neither campaigns nor leads',
      () => ({ node: node.id, state }),
    )
    const { epoch } = context
    const before = roles.get(parts)
    if (before?.state === state && before.epoch === epoch) return
    roles.set(parts, { state, epoch })
    const isLeaderAgain =
      state === 'leader' && before?.state === 'resigned' && before.epoch === epoch
    must(!isLeaderAgain, 'R18', 'who resigned leads its epoch no more', () => ({
      node: node.id,
      epoch,
    }))
    if (parts.quorum.endOffset() === 0) return
    const voters = parts.quorum.voters().map(keyOfVoter).sort().join()
    must(voters === voterIds, 'R12', 'the voters are those that were formatted', () => ({
      node: node.id,
      voters,
      voterIds,
    }))
  }

  /** A controller that was active: its image is back at the last committed point (M4). */
  function checkReverted({ id, parts }: SimNode): void {
    const controller = parts?.controller
    if (controller === undefined) return
    if (controller.isActive()) {
      active.add(controller)
      return
    }
    const { offset } = controller.image()
    const known = images.get(offset)
    if (!active.has(controller) || known === undefined) return
    active.delete(controller)
    must(
      imageDigest(controller.image() as MutableImage) === known,
      'M4',
      'who leads no more knows only what is committed',
      () => ({ node: id, offset }),
    )
  }

  function checkLeader(node: SimNode): void {
    const led = node.parts?.quorum.rpc.leadership()
    const before = leading.get(node)
    if (before !== undefined && before.led !== led) {
      leading.delete(node)
      // It may have committed more in the step in which it ended.
      checkCommitted(node, before.led, before.voters)
    }
    if (led === undefined) return
    const known = leaders.get(led.epoch)
    if (known === undefined) begins(node, led.epoch)
    else {
      const { id, directoryId, lives } = node
      const isSame = known.node === id && known.directoryId === directoryId && known.life === lives
      must(isSame, 'R1', 'an epoch has one leader', () => ({
        epoch: led.epoch,
        known,
        now: { node: id, directoryId, life: lives },
      }))
    }
    const voters = node.parts!.quorum.voters()
    if (before?.led !== led || before.voters !== voters) leading.set(node, { led, voters })
    checkCommitted(node, led, voters)
  }

  function checkCommitted(node: SimNode, led: Leadership, voters: readonly Voter[]): void {
    const highWatermark = led.highWatermark()
    if (highWatermark > committedEnd) commit(node, led, highWatermark, voters)
  }

  function begins(node: SimNode, epoch: number): void {
    leaders.set(epoch, { node: node.id, directoryId: node.directoryId, life: node.lives })
    const entries = logs.view(node.id, METADATA)?.entries ?? []
    const start = entries[0]?.base ?? 0
    const own = new Map(entries.map((entry) => [entry.base, entry]))
    for (const [base, entry] of committed) {
      if (base < start || entry.epoch >= epoch) continue
      const held = own.get(base)
      const isThere = held !== undefined && isSame(held, entry)
      must(isThere, 'R7', 'a leader holds all that was committed before', () => ({
        leader: node.id,
        epoch,
        base,
      }))
    }
  }

  function commit(
    node: SimNode,
    led: Leadership,
    highWatermark: number,
    voters: readonly Voter[],
  ): void {
    must(
      highWatermark > led.epochStartOffset,
      'R9',
      'a leader commits an entry of its epoch first',
      () => ({
        node: node.id,
        highWatermark,
        epoch: led.epoch,
        epochStartOffset: led.epochStartOffset,
      }),
    )
    const entries = logs.view(node.id, METADATA)?.entries ?? []
    let from = entries.length
    while (from > 0 && entries[from - 1]!.base >= committedEnd) from--
    for (const entry of entries.slice(from)) {
      if (entry.last >= highWatermark) continue
      const holders = voters.filter(({ id, directoryId }) => {
        if (cluster.node(id).directoryId !== directoryId) return false
        const once = heldOnce.get(id)?.get(entry.base)
        if (once !== undefined && isSame(once, entry)) return true
        const held = logs.entryAt(id, METADATA, entry.base)
        if (held === undefined) return (logs.view(id, METADATA)?.entries[0]?.base ?? 0) > entry.base
        return isSame(held, entry) && logs.isDurable(id, held)
      })
      must(
        holders.length * 2 > voters.length,
        'R9',
        'what is committed is durable on a majority',
        () => ({ node: node.id, base: entry.base, holders: holders.map(({ id }) => id) }),
      )
      committed.set(entry.base, entry)
    }
    committedEnd = highWatermark
  }

  function checkHighWatermark(node: SimNode): void {
    const { id, parts } = node
    if (parts === undefined) return
    const now = parts.quorum.highWatermark()
    const before = highWatermarks.get(parts) ?? -1
    if (now === before) return
    must(now >= before, 'R9', 'the high watermark never goes back', () => ({ id, before, now }))
    must(
      now <= Math.max(committedEnd, 0),
      'R8',
      'nobody knows more committed than a leader did',
      () => ({
        id,
        now,
        committedEnd,
      }),
    )
    highWatermarks.set(parts, now)
  }

  /** Who was active may be held against a committed point with this look. */
  const mayBeReverted = (): boolean =>
    cluster.nodes.some(({ parts }) => {
      const controller = parts?.controller
      return controller !== undefined && active.has(controller) && !controller.isActive()
    })

  /** One that is large, or was told nothing but that time passes, not with each look. */
  function checkImage(node: SimNode, isEachWanted: boolean): void {
    if (node.parts === undefined) return
    const { loader } = node.parts
    const { offset } = loader.image()
    const before = hashed.get(node.parts) ?? -1
    if (offset < 0 || before === offset) return
    const isLarge = (loader.image() as MutableImage).partitionCount() > 1_000
    const isQuiet = !isEachWanted && before >= lastNews && offset <= told
    if ((isLarge || isQuiet) && looks % 10 > 0) return
    hashed.set(node.parts, offset)
    const hash = imageDigest(loader.image() as MutableImage)
    const known = images.get(offset) ?? hash
    must(known === hash, 'M1', 'nodes that applied the same offset have the same image', () => ({
      node: node.id,
      offset,
    }))
    images.set(offset, hash)
    for (const { id, epoch, incarnationId } of loader.image().brokers().values()) {
      must(epoch <= offset, 'M5', 'a broker epoch is an offset of the log', () => ({
        id,
        epoch,
        offset,
      }))
      const key = `${id}@${epoch}`
      const who = registrations.get(key) ?? incarnationId
      must(who === incarnationId, 'M5', 'a broker epoch belongs to one incarnation', () => ({
        key,
      }))
      registrations.set(key, who)
    }
  }

  return {
    step() {
      for (const { node, text } of written.length > 0 ? written.splice(0) : written) {
        must(text.endsWith('}'), 'S5', 'a small file is whole when its name is durable', () => ({
          node: node.id,
          text,
        }))
        checkVote(node, JSON.parse(text) as Vote)
      }
      for (const node of cluster.nodes) if (node.machine.isTouched()) checkLeader(node)
      for (const node of cluster.nodes) {
        if (!node.machine.isTouched()) continue
        checkHighWatermark(node)
        checkDurable(node)
        checkRole(node)
      }
    },
    sometimes() {
      looks++
      const isEachWanted = mayBeReverted()
      for (const node of cluster.nodes) {
        checkImage(node, isEachWanted)
        checkReverted(node)
      }
    },
    committed({ lastOffset, records }) {
      told = lastOffset
      if (records.some(({ type }) => type !== 'NoOpRecord')) lastNews = lastOffset
    },
    truncated(view, gone) {
      const { parts } = cluster.node(view.nodeId)
      must(
        parts?.quorum.rpc.leadership() === undefined,
        'R6',
        'a leader never cuts its log',
        () => ({ node: view.nodeId, gone }),
      )
      for (const entry of gone) {
        const held = committed.get(entry.base)
        const isLost = held?.epoch === entry.epoch && held.crc === entry.crc
        must(!isLost, 'R10', 'no committed entry is truncated', () => ({
          node: view.nodeId,
          entry,
        }))
      }
    },
    lost(nodeId) {
      const end = durableEnds.get(nodeId) ?? 0
      const entries = logs.view(nodeId, METADATA)?.entries ?? []
      const held = entries.filter(({ base, last }) => base >= committedEnd && last < end)
      heldOnce.set(nodeId, new Map(held.map((entry) => [entry.base, entry])))
    },
    restored(node) {
      if (!node.isController) epochs.delete(`${node.id}/${node.directoryId}`)
    },
    committedEnd: () => committedEnd,
    elections: () => leaders.size,
  }
}
