/**
 * One group at its coordinator, over a log whose commits wait for the test, and what should be known of
 * its members: who is in, who waits for which answer, who has which part.
 */
import * as assert from 'uvu/assert'
import type { Asker } from '../../actors/apis/handler.ts'
import {
  addMember,
  newGroup,
  newMember,
  type Group as Row,
  selectProtocol,
} from '../../actors/group/members.ts'
import { groupRecord, readRecord } from '../../actors/group/records.ts'
import type { Logger } from '../../actors/log.ts'
import { type ErrorName, KafkaError } from '../../transport/protocol/errors.ts'
import { batches } from '../../transport/records/batch.ts'
import { encodeBatch, records } from '../../transport/records/records.ts'
import { joinRequest } from '../group/members.ts'
import { type Broker, broker, world as groupsWorld, type OffsetsLog } from '../group/support.ts'
import { silent } from '../storage/support.ts'
import type { FakeClock } from '../support/clock.ts'
import type { World } from './walk.ts'

export const groupId = 'g'
export const initialDelayMs = 10_000
export const rebalanceTimeoutMs = 60_000
export const sessionTimeoutMs = 10_000
/** The shortest that is allowed. */
export const promiseMs = 6_000
const version = 9

export type Start = {
  name: string
  isStatic: boolean
  /** Members that the log knows of. */
  loaded: number
  /** group.max.size */
  sizeMax: number
}

export type Person = {
  name: string
  id: string
  instance: string | null
  protocols: string[]
  /** Metadata in its newest version. */
  metadata: number
  synced: boolean
  /** Requests that wait, by their number. */
  join: number | null
  sync: number | null
}

/** The request that is on its way through the chart. */
export type Asked = {
  request: number
  person: Person
  /** Empty: it has none, or does not tell. */
  memberId: string
  protocols: string[]
  parts: Parts
}
type Parts = ReadonlyMap<string, string>

export type GroupWorld = World & {
  start: Start
  broker: Broker
  clock: FakeClock
  log: OffsetsLog
  /** By name, in the order in which they came. */
  members: Map<string, Person>
  leader: Person | undefined
  protocol: string
  generationId: number
  /** Parts that are being stored, or were last. */
  parts: Parts
  asked: Asked | undefined
  /** What the test itself has brought about, beside the chart. */
  expected: Set<string>
  promise(): Promise<string>
  /** The member id that is given out and not used, if there is one. */
  promised(): string | undefined
  join(person: Person, memberId: string, protocols?: string[]): void
  sync(person: Person, parts: Parts): void
  leave(who: { memberId: string; groupInstanceId: string | null }): Promise<void>
  beat(person: Person): ErrorName
  /** Time passes, in which all but one send heartbeats. */
  pass(ms: number, silentOne?: Person): Promise<void>
  remove(person: Person): void
  answered(error: ErrorName, ...requests: (number | null)[]): void
  /** As the coordinator describes them. */
  learnIds(): void
}

export const bothProtocols = ['range', 'roundrobin']

export const somebody = (name: string, id: string, isStatic: boolean): Person => ({
  name,
  id,
  instance: isStatic ? name : null,
  protocols: bothProtocols,
  metadata: 0,
  synced: false,
  join: null,
  sync: null,
})

const protocolsOf = ({ metadata }: Person, names: string[]) =>
  names.map((name) => ({ name, metadata: Buffer.from([0, metadata]) }))

/** What would be selected if one offered these; undefined: nothing that all support. */
export function selected(
  { members }: GroupWorld,
  instead?: { person: Person; protocols: string[] },
): string | undefined {
  const all = [...members.values()].map((person) => ({
    memberId: person.name,
    protocols: protocolsOf(person, person.protocols),
  }))
  const { person, protocols = [] } = instead ?? {}
  const others = [...members.values()].filter((each) => each !== person)
  const isShared = (name: string) => others.every((each) => each.protocols.includes(name))
  if (person !== undefined && !protocols.some(isShared)) return undefined
  return selectProtocol(
    { groupId, members: new Map(all.map((each) => [each.memberId, each])) } as unknown as Row,
    person && { memberId: person.name, protocols: protocolsOf(person, protocols) },
  )
}

export async function world(start: Start): Promise<GroupWorld> {
  const on = groupsWorld()
  const { clock } = on
  const [log] = on.logs as [OffsetsLog]
  const lines: string[] = []
  const say = (line: string) => void lines.push(line)
  const promises: { id: string; untilMs: number }[] = []
  const nameOf = (id: string) =>
    [...it.members.values(), ...(it.asked ? [it.asked.person] : [])].find((each) => each.id === id)
      ?.name ?? id

  const loaded = ['a', 'b'].slice(0, start.loaded).map((name) => ({
    ...somebody(name, `${name}-id`, start.isStatic),
    protocols: ['range'],
    synced: true,
  }))
  if (loaded.length > 0) log.append(recordOf(loaded))
  log.prompt = false

  const { append } = log
  log.append = (batch) => {
    const base = append(batch)
    for (const at of batches(batch)) {
      for (const { key, value } of records(batch, at)) {
        const read = readRecord(key!, value)
        assert.is(read.type, 'group')
        if (read.type !== 'group' || read.group === null) continue
        const { generationId, members } = read.group
        const rows = [...members.values()].map(
          ({ memberId, groupInstanceId, assignment }) =>
            `${groupInstanceId ?? nameOf(memberId)}=${assignment}`,
        )
        say(storedLine(generationId, rows))
      }
    }
    return base
  }
  const listening: Logger = {
    ...silent,
    info(of: object, message: string) {
      if (message !== 'session of a group member ended') return
      const { memberId } = of as { memberId: string }
      it.remove([...it.members.values()].find(({ id }) => id === memberId)!)
    },
    child: () => listening,
  } as Logger
  const settings = {
    'group.initial.rebalance.delay.ms': initialDelayMs,
    'group.max.size': start.sizeMax,
    'offsets.commit.timeout.ms': 600_000,
  }
  const host = broker(on, 1, settings, listening)
  const { groups } = host
  let requests = 0

  const askerOf = (request: number) =>
    ({
      apiVersion: version,
      clientId: 'client',
      clientAddress: '/127.0.0.1',
      // What answers a member takes this back, at once.
      departure: { whenOver: () => () => say(answerLine(request)) },
    }) as unknown as Asker
  const told = (error: unknown) => (error instanceof KafkaError ? error.code : String(error))
  const terms = (person: Person, memberId: string, protocols: string[]) =>
    joinRequest({
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId,
      groupInstanceId: person.instance,
      protocols: protocolsOf(person, protocols),
    })

  const it: GroupWorld = {
    start,
    broker: host,
    clock,
    log,
    members: new Map(loaded.map((person) => [person.name, person])),
    leader: loaded[0],
    protocol: 'range',
    generationId: loaded.length > 0 ? 1 : 0,
    parts: new Map(loaded.map(({ name }) => [name, partOf(name, 1)])),
    asked: undefined,
    expected: new Set(),
    async promise() {
      const somewhere = { apiVersion: version, clientId: 'c', clientAddress: '/127.0.0.1' } as Asker
      const ask = joinRequest({ sessionTimeoutMs: promiseMs, rebalanceTimeoutMs })
      const { error, memberId } = await groups.joinGroup(ask, somewhere)
      assert.is(error, 'MEMBER_ID_REQUIRED')
      promises.push({ id: memberId, untilMs: clock.monotonic() + promiseMs })
      return memberId
    },
    promised: () =>
      promises.findLast(
        ({ id, untilMs }) =>
          untilMs > clock.monotonic() && ![...it.members.values()].some((each) => each.id === id),
      )?.id,
    join(person, memberId, protocols = person.protocols) {
      const request = ++requests
      it.asked = { request, person, memberId, protocols, parts: new Map() }
      groups.joinGroup(terms(person, memberId, protocols), askerOf(request)).then(
        (outcome) => {
          if (outcome.error === 'NONE' && 'leader' in outcome) {
            const leads = outcome.leader === outcome.memberId
            if (leads) it.leader = person
            person.id = outcome.memberId
            say(`${answered(request, 'NONE')} in ${outcome.generationId}`)
          } else say(answered(request, outcome.error))
        },
        (error) => say(`request ${request} refused: ${told(error)}`),
      )
    },
    sync(person, parts) {
      const request = ++requests

      const { id: memberId, instance: groupInstanceId } = person
      it.asked = { request, person, memberId, protocols: [], parts }
      const assignments = [...parts].map(([name, part]) => ({
        memberId: it.members.get(name)!.id,
        assignment: Buffer.from(part),
      }))
      const { generationId } = it
      const ask = { groupId, generationId, memberId, groupInstanceId, assignments }
      groups.syncGroup({ ...ask, protocolType: null, protocolName: null }, askerOf(request)).then(
        ({ error, assignment }) => say(`${answered(request, error)} ${assignment}`.trimEnd()),
        (error) => say(`request ${request} refused: ${told(error)}`),
      )
    },
    async leave(who) {
      const index = promises.findIndex(({ id }) => id === who.memberId)
      if (index >= 0) promises.splice(index, 1)
      const { left } = await Promise.race([
        groups.leaveGroup(groupId, [who]),
        clock.advance(0).then(() => ({ left: [] })),
      ])
      for (const { error } of left) assert.is(error, 'NONE')
    },
    beat({ id: memberId, instance: groupInstanceId }) {
      const { generationId } = it
      return groups.heartbeat({ groupId, generationId, memberId, groupInstanceId })
    },
    async pass(ms, silentOne) {
      for (let left = ms; left > 0; left -= 1_000) {
        for (const person of it.members.values()) {
          const isWaiting = person.join !== null || person.sync !== null
          if (person !== silentOne && !isWaiting) it.beat(person)
        }
        await clock.advance(Math.min(left, 1_000))
      }
    },
    remove(person) {
      it.answered('UNKNOWN_MEMBER_ID', person.join, person.sync)
      it.members.delete(person.name)
      if (it.leader === person) it.leader = undefined
    },
    answered(error, ...waiting) {
      for (const request of waiting) {
        if (request === null) continue
        it.expected.add(answerLine(request))
        it.expected.add(answered(request, error))
      }
    },
    learnIds() {
      for (const { memberId, groupInstanceId } of groups.describeGroup(groupId, 6).members) {
        const person = it.members.get(groupInstanceId ?? '')
        if (person !== undefined) person.id = memberId
      }
    },
    take: () => lines.splice(0),
    settle: () => clock.advance(0),
    async tick() {
      const isThere = log.leader === 1
      for (const person of isThere ? it.members.values() : []) {
        if (person.join === null && person.sync === null) it.beat(person)
      }
      // Heartbeats come more often than anything is due.
      clock.setTimeout(() => {}, 2_000)
      return clock.step()
    },
    halted: () => host.failures[0],
    close: () => groups.stop(),
  }
  await host.hear()
  if (loaded.length === 0) {
    // With its first request a group is there.
    const memberId = await it.promise()
    await it.leave({ memberId, groupInstanceId: null })
    log.commit()
  }
  return it
}

export const partOf = (name: string, generationId: number): string => `${name}@${generationId}`

export const answerLine = (request: number): string => `answer ${request}`
export const answered = (request: number, error: string): string => `told ${request}: ${error}`
export const storedLine = (generationId: number, rows: string[]): string =>
  `append ${generationId}: ${rows}`

/** What another coordinator has left in the log. */
function recordOf(members: Person[]): Buffer {
  const row = newGroup(groupId, 0)
  row.generationId = 1
  for (const person of members) {
    addMember(
      row,
      'consumer',
      newMember(person.id, person.instance, {
        clientId: 'client',
        clientHost: '/127.0.0.1',
        rebalanceTimeoutMs,
        sessionTimeoutMs,
        protocols: protocolsOf(person, person.protocols),
      }),
    )
  }
  row.protocolName = 'range'
  const parts = new Map(members.map(({ id, name }) => [id, Buffer.from(partOf(name, 1))]))
  return encodeBatch({
    baseOffset: 0,
    leaderEpoch: 0,
    records: [{ ...groupRecord(row, parts), timestamp: 0 }],
  })
}
