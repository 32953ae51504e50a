/** The probe chart, walked at the actor that probes: its link and its clock are the test's. */
import { test } from 'uvu'
import type { AnyMachineSnapshot, EventObject } from 'xstate'
import { createProber } from '../../actors/probe/probe.ts'
import { probe } from '../../machines/probe.ts'
import type { Endpoint, ProbeVerdict } from '../../transport/links/link.ts'
import { fakeClock } from '../support/clock.ts'
import { listenToGuards } from './chart.ts'
import { coverageOf } from './coverage.ts'
import { type Adapter, type World, walk } from './walk.ts'

const intervalMs = 100
const graceMs = 300
const self: Endpoint = { nodeId: 1, incarnationId: 'self' }
const two: Endpoint = { nodeId: 2, incarnationId: 'two' }
const three: Endpoint = { nodeId: 3, incarnationId: 'three' }

/** Times of a plan are no times of a walk: what counts is how they lie to the suspicion. */
type ProbeEvent = EventObject & {
  isOver?: boolean
  isWitnessed?: boolean
  isOfTheGrace?: boolean
  isAnotherOpen?: boolean
}
type Verdict = EventObject & { sentAt?: number; witnessedAt?: number; isAnotherOpen?: boolean }
type Open = { to: Endpoint; sentAt: number; answer: (verdict: ProbeVerdict) => Promise<void> }

type ProbeWorld = World & {
  clock: ReturnType<typeof fakeClock>
  open: Open[]
  hears(from: Endpoint): void
  blind(): void
  /** Node 3 answers from now on, and so is a witness. */
  witness: boolean
  tickedAt: number
}

async function world(): Promise<ProbeWorld> {
  const clock = fakeClock(10_000)
  const lines: string[] = []
  let halted: unknown
  let up = true
  const heard = new Map<string, number>()
  const listeners: ((up: boolean) => void)[] = []
  const prober = createProber({
    clock,
    random: { below: () => 0 },
    link: {
      self,
      isUp: () => up,
      lastHeard: ({ incarnationId }) => heard.get(incarnationId),
      onNobodyThere: () => {},
      onChange: (listener) => listeners.push(listener),
      probe(to) {
        lines.push(`probe ${to.incarnationId}`)
        if (to === three && on.witness) return Promise.resolve('alive')
        return new Promise((resolve) => {
          const asked: Open = {
            to,
            sentAt: clock.monotonic(),
            async answer(verdict) {
              on.open.splice(on.open.indexOf(asked), 1)
              resolve(verdict)
              await clock.advance(0)
            },
          }
          on.open.push(asked)
        })
      },
    },
    intervalMs,
    graceMs,
    halt: (why) => {
      halted = why
    },
  })
  prober.watch({
    targets() {
      on.tickedAt = clock.monotonic()
      return [two, three]
    },
    onDead: ({ incarnationId }) => lines.push(`${incarnationId} died`),
    onAlive: ({ incarnationId }) => lines.push(`${incarnationId} lives`),
  })
  const on: ProbeWorld = {
    clock,
    open: [],
    witness: false,
    tickedAt: 0,
    hears: ({ incarnationId }) => void heard.set(incarnationId, clock.monotonic()),
    blind() {
      // Verdicts of before are void.
      on.open = []
      for (const is of [false, true]) {
        up = is
        for (const listener of listeners) listener(is)
      }
    },
    take: () => lines.splice(0),
    settle: () => clock.advance(0),
    tick: () => clock.step(),
    halted: () => halted,
    close: () => prober.close(),
  }
  await clock.advance(intervalMs)
  return on
}

const ofTwo = ({ open }: ProbeWorld) => open.filter(({ to }) => to === two)

const nextTick = ({ clock, tickedAt }: ProbeWorld): Promise<void> =>
  clock.advance(tickedAt + intervalMs - clock.monotonic())

/** Node 2 is asked once more; who is believed absent is asked once a second. */
async function nextProbe(on: ProbeWorld): Promise<Open> {
  const before = ofTwo(on).length
  for (let ticks = 0; ticks < 12 && ofTwo(on).length === before; ticks++) await nextTick(on)
  return ofTwo(on).at(-1)!
}

const suspectedAt = ({ context }: AnyMachineSnapshot): number => context.suspectedAt
const isOver = ({ sentAt }: { sentAt: number }, since: number) => sentAt - since >= graceMs

async function findNobody(
  on: ProbeWorld,
  event: ProbeEvent,
  before: AnyMachineSnapshot,
): Promise<void> {
  const since = suspectedAt(before)
  if (before.value !== 'suspected') {
    await nextProbe(on)
    return (await nextProbe(on)).answer('noResponders')
  }
  if (!event.isOver) {
    const early = ofTwo(on).find((asked) => !isOver(asked, since)) ?? (await nextProbe(on))
    return early.answer('noResponders')
  }
  for (const asked of ofTwo(on)) await asked.answer('noResponders')
  const kept = event.isAnotherOpen ? await nextProbe(on) : undefined
  let last = await nextProbe(on)
  while (!isOver(last, since)) {
    await last.answer('noResponders')
    last = await nextProbe(on)
  }
  for (const asked of ofTwo(on)) {
    if (asked !== kept && asked !== last) await asked.answer('noResponders')
  }
  if (event.isWitnessed) {
    on.witness = true
    await nextProbe(on)
    for (const asked of ofTwo(on).slice(0, -1))
      if (asked !== kept) await asked.answer('noResponders')
    last = ofTwo(on).at(-1)!
  }
  await last.answer('noResponders')
}

const adapter: Adapter<ProbeWorld> = {
  name: 'a probed node',
  machine: probe,
  input: { graceMs },
  actorId: two.incarnationId,
  open: world,
  differs: () => null,
  events(snapshot) {
    const since = suspectedAt(snapshot)
    const nobody = (isOver: boolean, isWitnessed: boolean, isAnotherOpen: boolean) => ({
      type: 'noResponders',
      at: since + graceMs,
      sentAt: isOver ? since + graceMs : since,
      witnessedAt: isWitnessed ? since : since - 1,
      isAnotherOpen,
      isOver,
      isWitnessed,
    })
    return [
      // It is no news of one that lives.
      ...(snapshot.value === 'alive' ? [] : [{ type: 'heard' }]),
      { type: 'blinded' },
      { type: 'delayed', at: since + 1 },
      { type: 'silent', sentAt: since - 1, isOfTheGrace: false },
      { type: 'silent', sentAt: since + 1, isOfTheGrace: true },
      nobody(false, false, false),
      nobody(true, false, true),
      nobody(true, false, false),
      nobody(true, true, false),
    ] as ProbeEvent[]
  },
  async cause(on, event: ProbeEvent, before) {
    const { clock } = on
    switch (event.type) {
      case 'heard':
        await clock.advance(1)
        on.hears(two)
        return nextTick(on)
      case 'blinded':
        return on.blind()
      case 'delayed':
        return clock.stall(on.tickedAt + intervalMs - clock.monotonic() + 200)
      case 'noResponders':
        return findNobody(on, event, before)
      case 'silent': {
        const since = suspectedAt(before)
        const wanted = (asked: Open) => asked.sentAt >= since === event.isOfTheGrace
        const asked = ofTwo(on).find(wanted) ?? (await nextProbe(on))
        return asked.answer('silent')
      }
    }
  },
  isSame(planned: ProbeEvent, heard, before) {
    if (planned.type !== heard.type || before.value !== 'suspected')
      return planned.type === heard.type
    const since = suspectedAt(before)
    const { sentAt = 0, witnessedAt = 0, isAnotherOpen } = heard as Verdict
    if (planned.type === 'silent') return sentAt >= since === planned.isOfTheGrace
    if (planned.type !== 'noResponders') return true
    if (!planned.isOver) return sentAt - since < graceMs
    const isWitnessed = witnessedAt >= since
    const isOver = sentAt - since >= graceMs
    return isOver && isWitnessed === planned.isWitnessed && isAnotherOpen === planned.isAnotherOpen
  },
  effect(_, { type }) {
    if (type === 'unexpected') return {}
    if (type === 'askNow') return { now: ['probe two'] }
    return { now: [type === 'reportDead' ? 'two died' : 'two lives'] }
  },
  goesOn: (line) => line.startsWith('probe '),
}

listenToGuards(probe)

test('every path through the probe chart is what its actor does', async () => {
  const coverage = coverageOf('probe', probe)
  await walk(probe, adapter, coverage)
  coverage.report()
})

test.run()
