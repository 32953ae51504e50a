/** What is asked of a group's coordinator, one request each, in the versions that our clients speak. */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { OffsetCommit } from '../../transport/schemas/08-offset-commit.ts'
import { OffsetFetch } from '../../transport/schemas/09-offset-fetch.ts'
import { FindCoordinator } from '../../transport/schemas/10-find-coordinator.ts'
import { JoinGroup } from '../../transport/schemas/11-join-group.ts'
import { Heartbeat } from '../../transport/schemas/12-heartbeat.ts'
import { LeaveGroup } from '../../transport/schemas/13-leave-group.ts'
import { SyncGroup } from '../../transport/schemas/14-sync-group.ts'
import { DeleteGroups } from '../../transport/schemas/42-delete-groups.ts'
import type { Client } from './client.ts'

/** Who asks, as the coordinator knows it. */
export type Identity = {
  groupId: string
  generationId: number
  memberId: string
  groupInstanceId: string | null
}

/** Partition → offset. */
export type Positions = ReadonlyMap<number, number>

export const sessionTimeoutMs = 10_000
export const rebalanceTimeoutMs = 15_000
const protocolType = 'consumer'
const protocolName = 'range'

export type GroupRequests = {
  /** Its address; undefined: nobody says. */
  find(groupId: string): Promise<string | undefined>
  join(at: string, groupId: string, memberId: string): Promise<Response<typeof JoinGroup>>
  sync(
    at: string,
    self: Identity,
    assignments: Request<typeof SyncGroup>['assignments'],
  ): Promise<Response<typeof SyncGroup>>
  heartbeat(at: string, self: Identity): Promise<number>
  leave(at: string, groupId: string, memberId: string): Promise<number>
  /** @returns the error of each partition, in their order */
  commit(at: string, self: Identity, topic: string, positions: Positions): Promise<number[]>
  /** @returns the group's error, and the offset of each partition without one; -1: none was committed */
  offsets(
    at: string,
    groupId: string,
    topic: string,
    partitions: number[],
  ): Promise<{ error: number; offsets: Map<number, number> }>
  remove(at: string, groupId: string): Promise<number>
}

export function groupRequests(client: Client): GroupRequests {
  return {
    async find(groupId) {
      const { coordinators } = await client.request(client.anyAddress(), FindCoordinator, 4, {
        keyType: 0,
        coordinatorKeys: [groupId],
        key: '',
      })
      const { errorCode, nodeId } = coordinators[0]!
      return errorCode === errorCodes.NONE ? client.addressOf(nodeId) : undefined
    },
    join: (at, groupId, memberId) =>
      client.request(
        at,
        JoinGroup,
        5,
        {
          groupId,
          sessionTimeoutMs,
          rebalanceTimeoutMs,
          memberId,
          groupInstanceId: null,
          protocolType,
          protocols: [{ name: protocolName, metadata: Buffer.from('x') }],
          reason: null,
        },
        rebalanceTimeoutMs + 10_000,
      ),
    sync: (at, self, assignments) =>
      client.request(
        at,
        SyncGroup,
        3,
        { ...self, protocolType, protocolName, assignments },
        rebalanceTimeoutMs + 10_000,
      ),
    async heartbeat(at, self) {
      return (await client.request(at, Heartbeat, 3, self)).errorCode
    },
    async leave(at, groupId, memberId) {
      const members = [{ memberId, groupInstanceId: null, reason: null }]
      const left = await client.request(at, LeaveGroup, 4, { groupId, memberId: '', members })
      return left.errorCode
    },
    async commit(at, { generationId, ...self }, name, positions) {
      const { topics } = await client.request(at, OffsetCommit, 8, {
        ...self,
        generationIdOrMemberEpoch: generationId,
        retentionTimeMs: -1,
        topics: [
          {
            name,
            topicId: '',
            partitions: [...positions].map(([partitionIndex, committedOffset]) => ({
              partitionIndex,
              committedOffset,
              committedLeaderEpoch: -1,
              committedMetadata: null,
            })),
          },
        ],
      })
      return (topics[0]?.partitions ?? []).map(({ errorCode }) => errorCode)
    },
    async offsets(at, groupId, name, partitionIndexes) {
      const { groups } = await client.request(at, OffsetFetch, 8, {
        groupId: '',
        topics: [],
        groups: [
          {
            groupId,
            memberId: null,
            memberEpoch: -1,
            topics: [{ name, topicId: '', partitionIndexes }],
          },
        ],
        requireStable: true,
      })
      const { errorCode, topics } = groups[0]!
      const found = (topics[0]?.partitions ?? [])
        .filter((each) => each.errorCode === errorCodes.NONE)
        .map((each) => [each.partitionIndex, each.committedOffset] as const)
      return { error: errorCode, offsets: new Map(found) }
    },
    async remove(at, groupId) {
      const { results } = await client.request(at, DeleteGroups, 2, { groupsNames: [groupId] })
      return results[0]!.errorCode
    },
  }
}
