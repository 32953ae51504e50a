/** What a broker asks of its group coordinator: one method per group API, and what keeps it going. */
import type { Request } from '../../transport/protocol/api.ts'
import type { ErrorName } from '../../transport/protocol/errors.ts'
import type { JoinGroup } from '../../transport/schemas/11-join-group.ts'
import type { Heartbeat } from '../../transport/schemas/12-heartbeat.ts'
import type { SyncGroup } from '../../transport/schemas/14-sync-group.ts'
import type { Asker } from '../apis/handler.ts'
import type { MetadataListener } from '../metadata/image.ts'
import type { CommitRequest, FetchedOffset } from './commit-offsets.ts'
import type { DescribedGroup, ListedGroup } from './describe-groups.ts'
import type { Leaver, Left } from './leave-group.ts'
import type { JoinOutcome, SyncOutcome } from './members.ts'
import type { OffsetKey } from './offsets.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'

/**
 * Every method throws, or its promise rejects with, a KafkaError when the group is not to be had
 * here: NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, or what the
 * protocol foresees. Promises end with the group's stay on this broker at the latest.
 */
export type GroupCoordinator = {
  /** Loads what this broker now leads of `__consumer_offsets`, unloads what it no longer leads. */
  onMetadata: MetadataListener
  /** The partition of `__consumer_offsets` that a group lives in. */
  partitionFor(groupId: string): number
  joinGroup(request: Request<typeof JoinGroup>, asker: Asker): Promise<JoinOutcome>
  syncGroup(request: Request<typeof SyncGroup>, asker: Asker): Promise<SyncOutcome>
  heartbeat(request: Request<typeof Heartbeat>): ErrorName
  /** `error` is NONE unless the group that became empty could not be stored. */
  leaveGroup(groupId: string, leavers: Leaver[]): Promise<{ left: Left[]; error: ErrorName }>
  /** An error for each offset, in their order. */
  commitOffsets(request: CommitRequest, apiVersion: number): ErrorName[] | Promise<ErrorName[]>
  /** @param wanted null: all that the group has */
  fetchOffsets(groupId: string, wanted: (OffsetKey & { topicId: string })[] | null): FetchedOffset[]
  /** An error for each key, in their order. */
  deleteOffsets(groupId: string, keys: OffsetKey[]): ErrorName[] | Promise<ErrorName[]>
  deleteGroup(groupId: string): Promise<ErrorName>
  describeGroup(groupId: string, apiVersion: number): DescribedGroup
  /** Of the partitions that this broker leads. */
  listGroups(states: string[], types: string[]): ListedGroup[]
  /** Who waits is told. */
  stop(): void
  /** As kill -9: nobody is told, no chart either, of which one may have failed. */
  abandon(): void
}
