/**
 * What the quorum chart makes of what happens to it, told in `tests/traces/quorum/*.trace`.
 * REWRITE=1 writes what stands below each `----`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createActor } from 'xstate'
import type { QuorumEvent, QuorumInput } from '../../machines/quorum/types.ts'
import { quorum } from '../../machines/quorum.ts'

const folder = fileURLToPath(new URL('../traces/quorum/', import.meta.url))

const key = (id: number) => ({ id, directoryId: `D${id}` })
const keys = (ids: string) => ids.split(',').map((id) => key(Number(id)))

type Words = Record<string, string>

function wordsOf(words: string[]): Words {
  return Object.fromEntries(
    words.map((word) => {
      const [name, value] = word.split('=')
      return [name!, value ?? 'yes']
    }),
  )
}

const input = (words: Words): QuorumInput => ({
  self: key(Number(words['self'] ?? 1)),
  voters: keys(words['voters'] ?? '1,2,3'),
  epoch: Number(words['epoch'] ?? 0),
  leaderId: Number(words['leader'] ?? -1),
  voted: words['voted'] === undefined ? null : key(Number(words['voted'])),
  timing: {
    electionTimeoutMs: 1000,
    fetchTimeoutMs: 2000,
    electionBackoffMaxMs: 1000,
    preVoteRetryMs: 50,
  },
  isSuspect: words['suspect'] !== undefined,
  firstTimeoutMs: Number(words['first'] ?? 0),
  seed: 1,
})

function eventOf(verb: string, words: Words): QuorumEvent {
  const epoch = Number(words['epoch'] ?? 0)
  const leaderId = Number(words['leader'] ?? -1)
  const preVote = words['preVote'] !== undefined
  switch (verb) {
    case 'Vote': {
      const upToDate = words['behind'] === undefined
      return { type: 'Vote', candidate: key(Number(words['candidate'])), epoch, preVote, upToDate }
    }
    case 'VoteResponse': {
      const granted = words['granted'] !== undefined
      return { type: 'VoteResponse', from: key(Number(words['from'])), epoch, preVote, granted }
    }
    case 'BeginQuorumEpoch':
      return { type: 'BeginQuorumEpoch', leaderId, epoch }
    case 'EndQuorumEpoch':
      return { type: 'EndQuorumEpoch', leaderId, epoch, place: Number(words['place'] ?? -1) }
    case 'learned':
      return { type: 'learned', leaderId, epoch, fromId: Number(words['from'] ?? leaderId) }
    case 'leaderGone':
      return { type: 'leaderGone', leaderId, epoch }
    case 'votersChanged':
      return { type: 'votersChanged', voters: keys(words['voters']!) }
    case 'fetched':
    case 'majorityFetched':
    case 'epochCommitted':
    case 'resign':
      return { type: verb, epoch }
    case 'refetched':
      return { type: 'refetched' }
    default:
      throw new Error(`a trace does not know '${verb}'`)
  }
}

const effects = [
  'persistState',
  'answerVote',
  'sendPreVotes',
  'sendVoteRequests',
  'findLeader',
  'fetchFromLeader',
  'stopFetching',
  'startEpoch',
  'beginEpoch',
  'claimLeadership',
  'stopLeading',
  'endEpoch',
  'unexpected',
] as const

/** Timers in order of time; `wait` runs the next one. */
function timers() {
  let now = 0
  let next = 0
  const waiting = new Map<number, { at: number; fn: () => void }>()
  return {
    setTimeout(fn: () => void, ms: number) {
      waiting.set(++next, { at: now + ms, fn })
      return next
    },
    clearTimeout: (id: number) => void waiting.delete(id),
    runNext() {
      const [first] = [...waiting].sort(([, a], [, b]) => a.at - b.at)
      assert.ok(first, 'a timer runs')
      const [id, { at, fn }] = first
      waiting.delete(id)
      now = at
      fn()
    },
  }
}

function chart(words: Words, say: (line: string) => void) {
  const clock = timers()
  const provided = quorum.provide({
    actions: Object.fromEntries(
      effects.map((name) => [
        name,
        (
          { context }: { context: { epoch: number; leaderId: number; voted: unknown } },
          to: unknown,
        ) => {
          const { epoch, leaderId } = context
          const voted = (context.voted as { id: number } | null)?.id ?? -1
          if (name === 'persistState')
            say(`  ${name} epoch=${epoch} leader=${leaderId} voted=${voted}`)
          else if (name === 'answerVote') {
            say(`  ${(to as { granted: boolean }).granted ? 'grantVote' : 'refuseVote'}`)
          } else say(`  ${name}`)
        },
      ]),
    ),
  })
  const actor = createActor(provided, { input: input(words), clock: clock as never })
  return { actor, clock }
}

const leaves = (value: unknown, prefix = ''): string =>
  typeof value === 'string'
    ? `${prefix}${value}`
    : Object.entries(value as object)
        .map(([name, below]) => leaves(below, `${prefix}${name}.`))
        .join(' ')

/** Each block: commands, a bar, then the state that they lead to and the effects on the way. */
function play(text: string): string {
  let on: ReturnType<typeof chart> | undefined
  let said: string[] = []
  const out: string[] = []
  for (const block of text.trimEnd().split(/\n\n+/)) {
    const lines = block.split('\n')
    const bar = lines.indexOf('----')
    const told = bar === -1 ? lines : lines.slice(0, bar)
    said = []
    for (const command of told.filter((line) => !line.startsWith('#'))) {
      const [verb, ...rest] = command.split(' ')
      const words = wordsOf(rest)
      if (verb === 'start') {
        on?.actor.stop()
        on = chart(words, (line) => said.push(line))
        on.actor.start()
      } else {
        assert.ok(on, 'a trace starts')
        if (verb === 'wait') on.clock.runNext()
        else on.actor.send(eventOf(verb!, words))
      }
    }
    const { value, context } = on!.actor.getSnapshot()
    out.push([...told, '----', `${leaves(value)} epoch=${context.epoch}`, ...said].join('\n'))
  }
  on?.actor.stop()
  return `${out.join('\n\n')}\n`
}

for (const name of readdirSync(folder).filter((file) => file.endsWith('.trace'))) {
  test(name.replace('.trace', '').replaceAll('-', ' '), () => {
    const file = `${folder}${name}`
    const text = readFileSync(file, 'utf8')
    const played = play(text)
    if (process.env['REWRITE'] === '1') writeFileSync(file, played)
    else assert.fixture(text, played)
  })
}

test.run()
