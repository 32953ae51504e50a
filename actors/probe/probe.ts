/**
 * Probes other incarnations a few times a second and tells which process has ended. A node has one
 * prober, whatever of it wants to know: the active controller watches brokers, voters their leader
 * (and standbys both, so that they have heard them when they take over).
 *
 * Who was just heard is not asked: traffic is proof enough, and of two that watch each other one asks.
 * Where a request of ours found nobody, its target is asked at once.
 * While somebody is suspected all are asked with each tick, whatever became of the last question: one
 * that was under way when its target ended is never answered, and waiting for it would cost another
 * grace. One chart per incarnation; a verdict that comes back after the link went down or the loop
 * stood still is not used.
 */
import { type ActorRefFrom, createActor, type InspectionEvent } from 'xstate'
import { probe } from '../../machines/probe.ts'
import type { Endpoint, Link } from '../../transport/links/link.ts'
import type { Timer } from '../../transport/timers.ts'
import { invariant } from '../invariant.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'

export type ProberOf = {
  link: Pick<Link, 'self' | 'probe' | 'lastHeard' | 'onNobodyThere' | 'isUp' | 'onChange'>
  clock: Clock
  random: Pick<Random, 'below'>
  /** Whose answers show that we can hear, besides the targets: they are asked while one is suspected. */
  witnesses?(): Iterable<Endpoint>
  intervalMs: number
  /** Longer than a client takes to reconnect. */
  graceMs: number
  /** How late a tick may come before our own loop counts as stalled; half of it begins a grace anew. */
  stallMs?: number
  halt: (why: unknown) => void
  inspect?: (event: InspectionEvent) => void
}

export type Watched = {
  /** Who is judged right now; asked with each tick. */
  targets(): Iterable<Endpoint>
  /** How long a target may go unheard before it is asked; absent: half an interval. */
  patienceMs?(target: Endpoint): number
  /** Once for each time that it is believed, also of one that was dead before it became a target. */
  onDead(target: Endpoint): void
  /** It was heard after all. */
  onAlive?(target: Endpoint): void
}

export type Watch = {
  /** Told to be dead, and not heard since. */
  isDead(target: Endpoint): boolean
  close(): void
}

export type Prober = {
  readonly intervalMs: number
  watch(of: Watched): Watch
  /** For metrics and consoles; undefined: nobody watches it. */
  stateOf(target: Endpoint): string | undefined
  close(): void
}

const never = Number.NEGATIVE_INFINITY

type Watcher = Watched & {
  /** Incarnations. */
  wanted: Set<string>
  dead: Set<string>
}

type Row = {
  target: Endpoint
  actor: ActorRefFrom<typeof probe>
  /** Only what is heard after this counts: our link came up, or our loop went on, then. */
  blindUntil: number
  askedAt: number
  /** When the probes that have no verdict yet were sent; a grace's worth at most. */
  open: number[]
}

/** Between questions to who never answered, or is believed dead: it will be heard by itself. */
const absentMs = 1_000
/** Between questions, however many requests find nobody. */
const doubtMs = 10

export function createProber(of: ProberOf): Prober {
  const { link, clock, random, intervalMs, graceMs, stallMs = graceMs, halt, inspect } = of
  invariant(graceMs > intervalMs, 'a grace spans several probes', { graceMs, intervalMs })
  const rows = new Map<string, Row>()
  let watchers: Watcher[] = []
  /** When each node last answered or was heard, as a witness for the others. */
  const answered = new Map<number, number>()
  /** Grows whenever we were blind: verdicts of before are void. */
  let sight = 0
  let blindBefore = clock.monotonic()
  let timer: Timer | undefined
  let dueAt = 0
  let isOpen = true

  const chart = probe.provide({
    actions: {
      reportDead: ({ self }) => tellDead(rowOf(self.id).target),
      reportAlive: ({ self }) => tellAlive(rowOf(self.id).target),
      askNow: ({ self }) => look(rowOf(self.id)),
      unexpected: ({ event }) => invariant(false, 'X1: a probe knows its events', event),
    },
  })
  const rowOf = (incarnationId: string): Row => {
    const row = rows.get(incarnationId)
    invariant(row !== undefined, 'a probed incarnation has its row', { incarnationId })
    return row
  }

  function tellDead(target: Endpoint): void {
    const { incarnationId } = target
    for (const { wanted, dead, onDead } of watchers) {
      if (!wanted.has(incarnationId) || dead.has(incarnationId)) continue
      dead.add(incarnationId)
      onDead(target)
    }
  }

  function tellAlive(target: Endpoint): void {
    for (const { dead, onAlive } of watchers) {
      if (dead.delete(target.incarnationId)) onAlive?.(target)
    }
  }

  function open(target: Endpoint): void {
    const { incarnationId } = target
    const actor = createActor(chart, {
      input: { graceMs },
      clock,
      id: incarnationId,
      ...(inspect && { inspect }),
    })
    actor.subscribe({ error: halt })
    rows.set(incarnationId, { target, actor, blindUntil: blindBefore, askedAt: never, open: [] })
    actor.start()
  }

  function blinded(): void {
    sight++
    blindBefore = clock.monotonic()
    answered.clear()
    for (const row of rows.values()) {
      row.blindUntil = blindBefore
      row.open = []
      row.askedAt = never
      row.actor.send({ type: 'blinded' })
    }
  }

  function tick(): void {
    const now = clock.monotonic()
    const lateMs = now - dueAt
    if (lateMs > stallMs) blinded()
    else if (lateMs > stallMs / 2) {
      for (const { actor } of rows.values()) actor.send({ type: 'delayed', at: now })
    }
    schedule()
    for (const watcher of watchers) choose(watcher)
    tidy()
    for (const { target, actor } of rows.values()) {
      if (actor.getSnapshot().hasTag('dead')) tellDead(target)
    }
    if (!link.isUp()) return
    for (const row of rows.values()) heard(row)
    const isSuspecting = isAnySuspected()
    for (const row of rows.values()) if (isSuspecting || isDue(row, now)) ask(row).catch(halt)
    if (isSuspecting) for (const witness of of.witnesses?.() ?? []) askWitness(witness).catch(halt)
  }

  function choose({ targets, wanted, dead }: Watcher): void {
    wanted.clear()
    for (const target of targets()) {
      const { nodeId, incarnationId } = target
      if (nodeId === link.self.nodeId) continue
      wanted.add(incarnationId)
      if (!rows.has(incarnationId)) open(target)
    }
    for (const incarnationId of dead) if (!wanted.has(incarnationId)) dead.delete(incarnationId)
  }

  /** Forgets those whom nobody watches any more. */
  function tidy(): void {
    for (const [incarnationId, { actor }] of rows) {
      if (watchers.some(({ wanted }) => wanted.has(incarnationId))) continue
      rows.delete(incarnationId)
      actor.stop()
    }
  }

  function look(row: Row): void {
    heard(row)
    if (link.isUp()) ask(row).catch(halt)
  }

  function doubt(nodeId: number): void {
    if (!isOpen || !link.isUp()) return
    const now = clock.monotonic()
    for (const row of rows.values()) {
      const { target, actor, askedAt } = row
      const isInDoubt = target.nodeId === nodeId && actor.getSnapshot().value === 'alive'
      if (isInDoubt && now - askedAt >= doubtMs) ask(row).catch(halt)
    }
  }

  function isDue({ target, actor, askedAt }: Row, now: number): boolean {
    if (actor.getSnapshot().value !== 'alive') return now - askedAt >= absentMs
    return now - (link.lastHeard(target) ?? never) >= patienceFor(target)
  }

  function patienceFor(target: Endpoint): number {
    let least = Number.POSITIVE_INFINITY
    for (const { wanted, patienceMs } of watchers) {
      if (!wanted.has(target.incarnationId)) continue
      least = Math.min(least, patienceMs?.(target) ?? intervalMs / 2)
    }
    return least
  }

  /** Tells the chart that its target was heard, if it was since we can hear. */
  function heard(row: Row): void {
    const heardAt = link.lastHeard(row.target)
    if (heardAt === undefined || heardAt <= row.blindUntil) return
    const { context, value } = row.actor.getSnapshot()
    const isNews = value === 'unheard' || heardAt > context.suspectedAt
    witnessed(row.target, heardAt)
    if (value !== 'alive' && isNews) row.actor.send({ type: 'heard' })
  }

  async function ask(row: Row): Promise<void> {
    const sentAt = clock.monotonic()
    const seenWith = sight
    row.askedAt = sentAt
    row.open.push(sentAt)
    const verdict = await link.probe(row.target, graceMs)
    if (seenWith !== sight || rows.get(row.target.incarnationId) !== row) return
    row.open.splice(row.open.indexOf(sentAt), 1)
    const at = clock.monotonic()
    if (verdict === 'alive') witnessed(row.target, at)
    heard(row)
    if (verdict === 'silent') row.actor.send({ type: 'silent', sentAt })
    if (verdict !== 'noResponders') return
    const { suspectedAt } = row.actor.getSnapshot().context
    const isAnotherOpen = row.open.some((sent) => sent >= suspectedAt)
    const witnessedAt = lastWitness(row.target)
    row.actor.send({ type: 'noResponders', sentAt, at, witnessedAt, isAnotherOpen })
  }

  async function askWitness(witness: Endpoint): Promise<void> {
    const seenWith = sight
    const verdict = await link.probe(witness, graceMs)
    if (verdict === 'alive' && seenWith === sight) witnessed(witness, clock.monotonic())
  }

  function witnessed({ nodeId }: Endpoint, at: number): void {
    answered.set(nodeId, Math.max(at, answered.get(nodeId) ?? at))
  }

  /** When any other node was last heard. */
  function lastWitness({ nodeId }: Endpoint): number {
    let latest = never
    for (const [id, at] of answered) if (id !== nodeId && at > latest) latest = at
    return latest
  }

  const isAnySuspected = (): boolean =>
    [...rows.values()].some(({ actor }) => actor.getSnapshot().value === 'suspected')

  function schedule(inMs = intervalMs): void {
    if (!isOpen) return
    dueAt = clock.monotonic() + inMs
    timer = clock.setTimeout(tick, inMs)
  }

  function stopTicks(): void {
    if (timer !== undefined) clock.clearTimeout(timer)
    timer = undefined
  }

  link.onChange(() => {
    if (isOpen) blinded()
  })
  link.onNobodyThere(doubt)

  return {
    intervalMs,
    watch(watched) {
      const watcher: Watcher = { ...watched, wanted: new Set(), dead: new Set() }
      watchers = [...watchers, watcher]
      // Of two that begin together and watch each other both would ask, each time anew.
      if (timer === undefined) schedule(intervalMs - random.below(intervalMs))
      return {
        isDead: ({ incarnationId }) => watcher.dead.has(incarnationId),
        close() {
          watchers = watchers.filter((each) => each !== watcher)
          tidy()
          if (watchers.length === 0) stopTicks()
        },
      }
    },
    stateOf: ({ incarnationId }) => rows.get(incarnationId)?.actor.getSnapshot().value,
    close() {
      isOpen = false
      watchers = []
      tidy()
      stopTicks()
    },
  }
}
