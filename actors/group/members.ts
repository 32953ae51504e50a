/**
 * Who is in a group: members, static ids, promised ids and the votes for a protocol. Rows and
 * arithmetic only; the chart decides when they change.
 *
 * Source: KIP-345 (static members), KIP-394 (promised member ids), Kafka's ClassicGroup.
 */
import type { Actor } from 'xstate'
import type { GroupState, group as groupChart, Roster } from '../../machines/group.ts'
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import type { Timer } from '../../transport/timers.ts'
import { invariant } from '../invariant.ts'

export type Protocol = { name: string; metadata: Buffer }

/** How a member runs; what a JoinGroup says of it. */
export type MemberTerms = {
  clientId: string
  clientHost: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  protocols: Protocol[]
}

/** Who asks to join, and how. */
export type Joining = { memberId: string; groupInstanceId: string | null; terms: MemberTerms }

export type JoinOutcome =
  | { error: ErrorName; memberId: string }
  | {
      error: 'NONE'
      memberId: string
      generationId: number
      protocolType: string | null
      protocolName: string | null
      leader: string
      skipAssignment: boolean
      members: { memberId: string; groupInstanceId: string | null; metadata: Buffer }[]
    }
export type SyncOutcome = {
  error: ErrorName
  protocolType: string | null
  protocolName: string | null
  assignment: Buffer
}

/** A request that waits for its answer; answered once. */
export type Waiting<Outcome> = (outcome: Outcome) => void

export type Session = { deadlineMs: number; timer: Timer }

export type Member = MemberTerms & {
  readonly memberId: string
  readonly groupInstanceId: string | null
  assignment: Buffer
  /** Its first JoinGroup has not been answered: no session runs yet. */
  isNew: boolean
  /** It has asked for its assignment of this generation. */
  synced: boolean
  join: Waiting<JoinOutcome> | null
  sync: Waiting<SyncOutcome> | null
  session: Session | null
}

export type Group = {
  readonly groupId: string
  /** null while the group is empty: nothing is decided for it, so a row is enough. */
  actor: Actor<typeof groupChart> | null
  state: GroupState
  stateTimestampMs: number
  generationId: number
  /** null: nobody ever joined; only offsets were committed. */
  protocolType: string | null
  protocolName: string | null
  leaderId: string | null
  readonly members: Map<string, Member>
  /** group.instance.id → member id. */
  readonly instances: Map<string, string>
  /** Member ids that were given out, until their holders join or their time is over. */
  readonly promised: Map<string, Session>
  /** Protocol → how many members support it. */
  readonly supporters: Map<string, number>
  /** What the leader decided, while it is being stored. */
  storing: Map<string, Buffer> | null
}

export const NO_BYTES = Buffer.alloc(0)

export const newGroup = (groupId: string, nowMs: number): Group => ({
  groupId,
  actor: null,
  state: 'Empty',
  stateTimestampMs: nowMs,
  generationId: 0,
  protocolType: null,
  protocolName: null,
  leaderId: null,
  members: new Map(),
  instances: new Map(),
  promised: new Map(),
  supporters: new Map(),
  storing: null,
})

export const newMember = (
  memberId: string,
  groupInstanceId: string | null,
  terms: MemberTerms,
): Member => ({
  ...terms,
  memberId,
  groupInstanceId,
  assignment: NO_BYTES,
  isNew: true,
  synced: false,
  join: null,
  sync: null,
  session: null,
})

export function addMember(group: Group, protocolType: string, member: Member): void {
  invariant(!group.members.has(member.memberId), 'a member id is taken once', {
    groupId: group.groupId,
    memberId: member.memberId,
  })
  if (group.members.size === 0) group.protocolType = protocolType
  group.leaderId ??= member.memberId
  group.members.set(member.memberId, member)
  if (member.groupInstanceId !== null) {
    group.instances.set(member.groupInstanceId, member.memberId)
  }
  countSupport(group, member.protocols, 1)
}

/** Forgets a member; who waits on it must have been answered. */
export function removeMember(group: Group, member: Member): void {
  invariant(member.join === null && member.sync === null && member.session === null, 'settled', {
    groupId: group.groupId,
    memberId: member.memberId,
  })
  group.members.delete(member.memberId)
  countSupport(group, member.protocols, -1)
  const { groupInstanceId: instance } = member
  if (instance !== null && group.instances.get(instance) === member.memberId) {
    group.instances.delete(instance)
  }
  if (group.leaderId === member.memberId) {
    group.leaderId = group.members.keys().next().value ?? null
  }
}

/** The same member under a new id: its place, leadership and assignment stay. */
export function replaceMember(group: Group, old: Member, memberId: string): Member {
  const leads = group.leaderId === old.memberId
  removeMember(group, old)
  const fresh = newMember(memberId, old.groupInstanceId, termsOf(old))
  fresh.assignment = old.assignment
  fresh.isNew = false
  fresh.synced = old.synced
  addMember(group, group.protocolType ?? '', fresh)
  if (leads) group.leaderId = memberId
  return fresh
}

const termsOf = (member: Member): MemberTerms => ({
  clientId: member.clientId,
  clientHost: member.clientHost,
  rebalanceTimeoutMs: member.rebalanceTimeoutMs,
  sessionTimeoutMs: member.sessionTimeoutMs,
  protocols: member.protocols,
})

/** What a rejoining member asks for now; who it is stays. */
export function updateTerms(group: Group, member: Member, terms: MemberTerms): void {
  countSupport(group, member.protocols, -1)
  member.protocols = terms.protocols
  member.rebalanceTimeoutMs = terms.rebalanceTimeoutMs
  member.sessionTimeoutMs = terms.sessionTimeoutMs
  countSupport(group, member.protocols, 1)
}

function countSupport({ supporters }: Group, protocols: Protocol[], by: 1 | -1): void {
  for (const name of new Set(protocols.map((protocol) => protocol.name))) {
    const count = (supporters.get(name) ?? 0) + by
    if (count === 0) supporters.delete(name)
    else supporters.set(name, count)
  }
}

/** Whether somebody with these protocols can take part: one that all members support. */
export function supports(group: Group, protocolType: string, protocols: Protocol[]): boolean {
  if (group.state === 'Empty') return protocolType !== '' && protocols.length > 0
  return (
    protocolType === group.protocolType &&
    protocols.some(({ name }) => group.supporters.get(name) === group.members.size)
  )
}

/**
 * Each member votes for the first of its protocols that all support; most votes win.
 * @param instead a member's protocols as they would be
 */
export function selectProtocol(
  group: Group,
  instead?: { memberId: string; protocols: Protocol[] },
): string {
  const ballots = Array.from(group.members.values(), (member) =>
    member.memberId === instead?.memberId ? instead.protocols : member.protocols,
  ).map((protocols) => protocols.map(({ name }) => name))
  const votes = new Map<string, number>()
  const supported = countEach(ballots)
  for (const ballot of ballots) {
    const choice = ballot.find((name) => supported.get(name) === ballots.length)
    invariant(choice !== undefined, 'members share a protocol', { groupId: group.groupId })
    votes.set(choice, (votes.get(choice) ?? 0) + 1)
  }
  const [first, ...others] = votes
  invariant(first !== undefined, 'somebody votes', { groupId: group.groupId })
  return others.reduce((best, vote) => (vote[1] > best[1] ? vote : best), first)[0]
}

function countEach(ballots: string[][]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const ballot of ballots) {
    for (const name of new Set(ballot)) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

export const sameProtocols = (a: Protocol[], b: Protocol[]): boolean =>
  a.length === b.length &&
  a.every(({ name, metadata }, i) => name === b[i]!.name && metadata.equals(b[i]!.metadata))

export const metadataFor = (member: Member, protocol: string | null): Buffer =>
  member.protocols.find(({ name }) => name === protocol)?.metadata ?? NO_BYTES

/**
 * The member that a request speaks for.
 * @throws KafkaError UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID: another process has its instance id
 */
export function memberFor(group: Group, memberId: string, groupInstanceId: string | null): Member {
  if (groupInstanceId !== null) {
    const holder = group.instances.get(groupInstanceId)
    if (holder !== undefined && holder !== memberId) {
      refuse('FENCED_INSTANCE_ID', `instance ${groupInstanceId} is member ${holder} now`)
    }
    if (holder === undefined) unknownMember(group.groupId, memberId)
  }
  return group.members.get(memberId) ?? unknownMember(group.groupId, memberId)
}

export const unknownMember = (groupId: string, memberId: string): never =>
  refuse('UNKNOWN_MEMBER_ID', `group ${groupId} has no member '${memberId}'; join it again`)

export function rosterOf(group: Group): Roster {
  const roster: Roster = {
    members: group.members.size,
    joined: 0,
    static: group.instances.size,
    absentStatic: 0,
    promised: group.promised.size,
    unsynced: 0,
    unsyncedStatic: 0,
    rebalanceTimeoutMs: 0,
  }
  for (const member of group.members.values()) {
    const isStatic = member.groupInstanceId !== null
    if (member.join !== null) roster.joined++
    else if (isStatic) roster.absentStatic++
    if (!member.synced) roster.unsynced++
    if (!member.synced && isStatic) roster.unsyncedStatic++
    roster.rebalanceTimeoutMs = Math.max(roster.rebalanceTimeoutMs, member.rebalanceTimeoutMs)
  }
  return roster
}

/** The roster once a JoinGroup is taken: by a member, or by somebody new (undefined). */
export function rosterWithJoin(
  group: Group,
  member: Member | undefined,
  { memberId, groupInstanceId, terms }: Joining,
): Roster {
  const roster = rosterOf(group)
  roster.rebalanceTimeoutMs = Math.max(roster.rebalanceTimeoutMs, terms.rebalanceTimeoutMs)
  if (member === undefined) {
    roster.members++
    roster.joined++
    roster.unsynced++
    if (groupInstanceId !== null) {
      roster.static++
      roster.unsyncedStatic++
    }
    if (group.promised.has(memberId)) roster.promised--
  } else if (member.join === null) {
    roster.joined++
    if (member.groupInstanceId !== null) roster.absentStatic--
  }
  return roster
}

/** The roster once a member has asked for its assignment. */
export function rosterWithSync(group: Group, { synced, groupInstanceId }: Member): Roster {
  const roster = rosterOf(group)
  if (synced) return roster
  roster.unsynced--
  if (groupInstanceId !== null) roster.unsyncedStatic--
  return roster
}

/** A leader must have joined; else the first that has. False: nobody has. */
export function electJoinedLeader(group: Group): boolean {
  const current = group.leaderId === null ? undefined : group.members.get(group.leaderId)
  if (current !== undefined && current.join !== null) return true
  for (const member of group.members.values()) {
    if (member.join === null) continue
    group.leaderId = member.memberId
    return true
  }
  return false
}
