/**
 * Which name of `--faults` plays which entry of the catalogue of faults, and how often it was hit: the
 * one place that says so. Where no name stands, the entry is played elsewhere, or says why it is not.
 */
import type { FaultName } from './draw-faults.ts'
import type { MessageFault } from './ways.ts'

export type CoveredName = FaultName | MessageFault

type Entry = { id: string; what: string; names: readonly CoveredName[]; note?: string }

export const coverage: readonly Entry[] = [
  { id: 'FN1', what: 'messages are lost', names: ['loss'] },
  {
    id: 'FN2',
    what: 'messages come twice, also in a later life',
    names: ['repeat'],
    note: 'every message twice: scenario answers-come-twice',
  },
  { id: 'FN3', what: 'messages overtake', names: ['repeat', 'stall'] },
  {
    id: 'FN4',
    what: 'messages take long, some ten seconds',
    names: ['stall'],
    note: 'the mean of each seed is drawn: 0.3 ms, or about 10 ms',
  },
  {
    id: 'FN5',
    what: 'nodes are cut off, both ways or one',
    names: ['isolate', 'oneWay', 'halves', 'flapping', 'bridge'],
  },
  { id: 'FN6', what: 'few bytes a second to and from a node', names: ['slowLink'] },
  { id: 'FN7', what: 'one pair alone', names: ['pair'] },
  {
    id: 'FN8',
    what: 'servers of the links go: all, one, one after the other',
    names: ['serverRestart', 'serverLoss', 'rollingRestart'],
  },
  {
    id: 'FN9',
    what: 'what was published meanwhile leaves late, who is back is not heard at once',
    names: ['subscriptionGap', 'serverRestart'],
    note: 'late publications only over the production link (--nats), as a third of the seeds has it',
  },
  {
    id: 'FN10',
    what: 'the server ends connections with what waits there',
    names: ['slowConsumer'],
  },
  {
    id: 'FN11',
    what: 'payloads as small as 1 KiB',
    names: [],
    note: 'drawn with the production link: --nats BYTES',
  },
  { id: 'FN12', what: 'nobody may publish, or hears what it is subscribed to', names: ['revoked'] },
  { id: 'FN13', what: 'two servers do not reach each other', names: ['routeSplit'] },
  { id: 'FP1', what: 'a node is killed anywhere', names: ['kill'] },
  { id: 'FP2', what: 'a node stands still', names: ['pause'] },
  { id: 'FP3', what: 'a node starts with an empty disk', names: ['wipe', 'replaceDirectory'] },
  {
    id: 'FP4',
    what: 'a node starts with an old copy of its disk',
    names: ['oldCopy'],
    note: 'of a voter without the metadata log: what that breaks is not played',
  },
  {
    id: 'FP5',
    what: 'clocks step and drift',
    names: ['clockStep', 'clockDrift'],
    note: 'one that stands still: scenario machine-suspended',
  },
  {
    id: 'FP6',
    what: 'the event loop stands still',
    names: ['pause'],
    note: 'scenarios blocked-controller-loop, prober-stalled',
  },
  {
    id: 'FP7',
    what: 'the system kills for want of memory',
    names: ['kill'],
    note: 'the same as a kill: what was written stays, nothing more is done',
  },
  {
    id: 'FP8',
    what: 'two processes with one id',
    names: ['secondProcess'],
    note: 'of one directory; of one id with other directories: open',
  },
  { id: 'FP9', what: 'a node ends as soon as it runs', names: ['crashLoop'] },
  { id: 'FP10', what: 'mixed versions', names: [], note: 'there is one version' },
  { id: 'FP11', what: 'an exception in an action', names: [], note: 'scenario handler-throws' },
  { id: 'FD1', what: 'a disk is full', names: ['diskError'] },
  { id: 'FD2', what: 'reads, writes and syncs fail', names: ['diskError'] },
  { id: 'FD3', what: 'writes are torn', names: ['powerCut'] },
  { id: 'FD4', what: 'writes are short', names: ['diskError'] },
  { id: 'FD5', what: 'bits flip', names: ['bitFlip'] },
  {
    id: 'FD6',
    what: 'power goes, with what is not synced',
    names: ['powerCut'],
    note: 'of all nodes: scenario all-brokers-power-loss',
  },
  { id: 'FD7', what: 'a disk is read-only', names: ['diskError'] },
  {
    id: 'FD8',
    what: 'writes go astray',
    names: ['bitFlip'],
    note: 'found at the next start: an older batch, or nothing, stands where one was written',
  },
  { id: 'FD9', what: 'syncs take long', names: ['slowSync'] },
  {
    id: 'FD10',
    what: 'files are missing or empty',
    names: ['fileLost'],
    note: 'scenario small-file-missing-or-empty',
  },
  { id: 'FD11', what: 'one of several directories', names: ['diskError', 'replaceDirectory'] },
  { id: 'FC1', what: 'random bytes', names: ['hostile'] },
  {
    id: 'FC2',
    what: 'lengths and counts that cannot be',
    names: ['hostile'],
    note: 'scenario tiny-frame-huge-array',
  },
  { id: 'FC3', what: 'every api and version, and some more', names: ['hostile'] },
  {
    id: 'FC4',
    what: 'answers are not read for long, requests come in trickles or stay half, connections break',
    names: ['slowReader', 'slowWriter', 'midAnswer', 'reset', 'clientCut'],
    note: 'a third of the seeds with 20 s as connections.max.idle.ms',
  },
  {
    id: 'FC5',
    what: 'many connections, and again',
    names: ['flood'],
    note: 'a third of the seeds with max.connections below that',
  },
  { id: 'FC6', what: 'wrong authentication', names: [], note: 'there is none yet' },
  { id: 'FC7', what: '1,000 requests at once', names: ['pipelined'] },
  {
    id: 'FC8',
    what: 'zombie producers',
    names: ['zombieProducer'],
    note: 'producers that raise their epoch are part of the workload, too; transactions come later',
  },
  {
    id: 'FC9',
    what: 'wrong epochs, ids, offsets and sequences',
    names: ['zombieProducer', 'zombieMember', 'staleReader', 'hostile'],
    note: 'scenarios gap-in-the-sequences, commit-of-a-stranger',
  },
  {
    id: 'FC10',
    what: 'rebalance storms',
    names: [],
    note: 'part of the workload groups; scenario chained-groups-storm',
  },
]

const isHit = (hits: ReadonlyMap<string, number>, name: string) => `${name} ${hits.get(name) ?? 0}`

/** @param hits by name; absent: without how often */
export function coverageTable(hits?: ReadonlyMap<string, number>): string {
  return coverage
    .map(({ id, what, names, note }) => {
      const told = hits ? names.map((name) => isHit(hits, name)) : names
      const how = [told.join(', '), note ?? ''].filter((part) => part !== '').join('; ')
      return `  ${id.padEnd(5)} ${what}: ${how}`
    })
    .join('\n')
}
