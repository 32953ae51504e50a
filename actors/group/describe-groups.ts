/** DescribeGroups and ListGroups: groups as they are now, shown to whoever looks. */
import type { Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import type { DescribeGroups } from '../../transport/schemas/15-describe-groups.ts'
import type { ListGroups } from '../../transport/schemas/16-list-groups.ts'
import { type Group, metadataFor, NO_BYTES } from './members.ts'
import type { Shard } from './shard.ts'

export type DescribedGroup = Response<typeof DescribeGroups>['groups'][number]
export type ListedGroup = Response<typeof ListGroups>['groups'][number]

const SAYS_GROUP_NOT_FOUND_SINCE = 6
/** "Not asked for." */
const NO_OPERATIONS = -0x8000_0000
const TYPE = 'classic'

/** A group that is not there is described as dead; from v6 on with an error. */
export function describeGroup(shard: Shard, groupId: string, apiVersion: number): DescribedGroup {
  const group = shard.groups.get(groupId)
  if (group !== undefined) return described(group)
  const dead = apiVersion < SAYS_GROUP_NOT_FOUND_SINCE ? 'NONE' : 'GROUP_ID_NOT_FOUND'
  const message = dead === 'NONE' ? null : `Group ${groupId} not found.`
  return { ...undescribed(groupId, dead), groupState: 'Dead', errorMessage: message }
}

export const undescribed = (groupId: string, error: ErrorName): DescribedGroup => ({
  errorCode: errorCodes[error],
  errorMessage: null,
  groupId,
  groupState: '',
  protocolType: '',
  protocolData: '',
  members: [],
  authorizedOperations: NO_OPERATIONS,
})

/**
 * Protocol and metadata are those of a generation, so only a stable group has them; assignments are the
 * last that members were given.
 */
function described(group: Group): DescribedGroup {
  const isStable = group.state === 'Stable'
  return {
    errorCode: errorCodes.NONE,
    errorMessage: null,
    groupId: group.groupId,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: isStable ? (group.protocolName ?? '') : '',
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: isStable ? metadataFor(member, group.protocolName) : NO_BYTES,
      memberAssignment: member.assignment,
    })),
    authorizedOperations: NO_OPERATIONS,
  }
}

/** Names are compared in any case; no filter lets everything through. */
export function* listGroups(shard: Shard, states: string[], types: string[]) {
  const wantedStates = new Set(states.map((name) => name.toLowerCase()))
  const wantedTypes = new Set(types.map((name) => name.toLowerCase()))
  if (wantedTypes.size > 0 && !wantedTypes.has(TYPE.toLowerCase())) return
  for (const { groupId, protocolType, state } of shard.groups.values()) {
    if (wantedStates.size > 0 && !wantedStates.has(state.toLowerCase())) continue
    const listed: ListedGroup = {
      groupId,
      protocolType: protocolType ?? '',
      groupState: state,
      groupType: TYPE,
    }
    yield listed
  }
}
