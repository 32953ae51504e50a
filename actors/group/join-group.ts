/**
 * JoinGroup: who may come in, under which member id; the chart decides what follows from it.
 *
 * - Somebody new gets its id first (from v4, KIP-394), unless it is static.
 * - A static member that comes back without its id takes the place it had (KIP-345).
 */
import type { Request } from '../../transport/protocol/api.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import type { JoinGroup } from '../../transport/schemas/11-join-group.ts'
import type { Asker } from '../apis/handler.ts'
import type { Environment, JoinCall, Place } from './environment.ts'
import {
  type Group,
  type JoinOutcome,
  type Member,
  type MemberTerms,
  memberFor,
  newGroup,
  type Protocol,
  rosterOf,
  rosterWithJoin,
  sameProtocols,
  selectProtocol,
  supports,
  unknownMember,
  type Waiting,
} from './members.ts'
import { groupRecord } from './records.ts'
import type { Shard } from './shard.ts'

/** Member ids that a group may have given out without seeing them again. */
const PROMISED_IDS_MAX = 10_000
const MEMBER_ID_FIRST_SINCE = 4
const REBALANCE_TIMEOUT_SINCE = 1

type Join = Request<typeof JoinGroup>

/** @throws KafkaError; otherwise `respond` is called once, maybe later */
export function joinGroup(
  env: Environment,
  shard: Shard,
  request: Join,
  asker: Asker,
  respond: Waiting<JoinOutcome>,
): void {
  const group = shard.groups.get(request.groupId) ?? createGroup(env, shard, request)
  const place = { shard, group }
  const { memberId } = request
  if (!hasRoom(env, group, memberId)) {
    forget(env, place, memberId)
    respond({ error: 'GROUP_MAX_SIZE_REACHED', memberId: '' })
    return
  }
  if (!supports(group, request.protocolType, request.protocols)) {
    const { groupId, protocolType, protocolName } = group
    refuse(
      'INCONSISTENT_GROUP_PROTOCOL',
      `group ${groupId} runs ${protocolType} with ${protocolName}; offer a protocol that all members support`,
    )
  }
  const call = callOf(request, asker, respond)
  if (memberId === '') joinNew(env, place, call)
  else joinKnown(env, place, call)
}

/** A group is in the log from its first JoinGroup on. */
function createGroup(env: Environment, shard: Shard, { groupId, memberId }: Join): Group {
  if (memberId !== '') unknownMember(groupId, memberId)
  const group = newGroup(groupId, env.clock.now())
  shard.log.write({
    records: [groupRecord(group, new Map())],
    apply: () => shard.groups.set(groupId, group),
  })
  return group
}

function hasRoom({ config }: Environment, group: Group, memberId: string): boolean {
  const sizeMax = config.int('group.max.size')
  const member = group.members.get(memberId)
  switch (group.state) {
    case 'Empty':
    case 'Dead':
      return true
    case 'PreparingRebalance': {
      if (member !== undefined && member.join !== null) return true
      return rosterOf(group).joined < sizeMax
    }
    default:
      return member !== undefined || group.members.size < sizeMax
  }
}

/** Whom the group has no room for it does not keep either. */
function forget(env: Environment, place: Place, memberId: string): void {
  const { group } = place
  const member = group.members.get(memberId)
  if (member !== undefined) env.evict(place, member)
  env.sessions.endPromise(group, memberId)
  env.tell(place, { type: 'promiseGone', roster: rosterOf(group) })
}

function joinNew(env: Environment, place: Place, call: JoinCall): void {
  const { group } = place
  const { groupInstanceId: instance } = call
  const memberId = newMemberId(env, instance ?? call.terms.clientId)
  const held = instance === null ? undefined : group.instances.get(instance)
  if (held !== undefined) {
    replaceStatic(env, place, { ...call, memberId, member: group.members.get(held) })
  } else if (instance === null && call.apiVersion >= MEMBER_ID_FIRST_SINCE) {
    if (group.promised.size >= PROMISED_IDS_MAX) {
      refuse('GROUP_MAX_SIZE_REACHED', `${group.promised.size} member ids wait to be used`)
    }
    env.sessions.promise(group, memberId, call.terms.sessionTimeoutMs)
    call.respond({ error: 'MEMBER_ID_REQUIRED', memberId })
  } else {
    add(env, place, { ...call, memberId })
  }
}

function joinKnown(env: Environment, place: Place, call: JoinCall): void {
  const { group } = place
  const { memberId, groupInstanceId } = call
  if (group.promised.has(memberId)) {
    if (groupInstanceId !== null) {
      refuse('UNKNOWN_SERVER_ERROR', `member id ${memberId} was promised to a dynamic member`)
    }
    add(env, place, call)
    return
  }
  const member = memberFor(group, memberId, groupInstanceId)
  const { protocols } = call.terms
  env.ask(
    place,
    { ...call, member },
    {
      type: 'JoinGroup',
      joiner: group.leaderId === memberId ? 'leader' : 'member',
      changed: !sameProtocols(member.protocols, protocols),
      roster: rosterWithJoin(group, member, call),
    },
  )
}

function add(env: Environment, place: Place, call: JoinCall): void {
  const roster = rosterWithJoin(place.group, undefined, call)
  env.ask(place, call, { type: 'JoinGroup', joiner: 'new', changed: true, roster })
}

function replaceStatic(env: Environment, place: Place, call: JoinCall): void {
  const { group } = place
  const old = call.member as Member
  const { protocols } = call.terms
  const selected = selectProtocol(group, { memberId: old.memberId, protocols })
  env.ask(place, call, {
    type: 'JoinGroup',
    joiner: 'replacement',
    changed: selected !== group.protocolName,
    roster: rosterWithJoin(group, old, call),
  })
}

function callOf(request: Join, asker: Asker, respond: Waiting<JoinOutcome>): JoinCall {
  return {
    type: 'join',
    memberId: request.memberId,
    member: undefined,
    groupInstanceId: request.groupInstanceId,
    protocolType: request.protocolType,
    terms: termsOf(request, asker),
    apiVersion: asker.apiVersion,
    respond,
  }
}

const termsOf = (request: Join, { apiVersion, clientId, clientAddress }: Asker): MemberTerms => ({
  clientId: clientId ?? '',
  clientHost: clientAddress,
  sessionTimeoutMs: request.sessionTimeoutMs,
  rebalanceTimeoutMs:
    apiVersion < REBALANCE_TIMEOUT_SINCE ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
  protocols: request.protocols.map(kept),
})

/** A copy: the frame of the request is not ours to keep. */
const kept = ({ name, metadata }: Protocol): Protocol => ({ name, metadata: Buffer.from(metadata) })

/** As Kafka makes them: a readable prefix and a uuid in hexadecimal. */
function newMemberId({ random }: Environment, prefix: string): string {
  const hex = Buffer.from(random.uuid(), 'base64url').toString('hex')
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
  return [prefix, ...parts, hex.slice(20)].join('-')
}
