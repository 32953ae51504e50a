/** What a producer and a consumer ask, with one partition each. */
import { produce } from '../../actors/apis/00-produce.ts'
import { fetch } from '../../actors/apis/01-fetch.ts'
import type { Asker } from '../../actors/apis/handler.ts'
import { type ErrorName, errorName } from '../../transport/protocol/errors.ts'
import { LONG_MAX, ZERO_UUID } from '../../transport/protocol/schema.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import type { Rig } from './rig.ts'

export const produceTo = (
  rig: Rig,
  node: number,
  name: string,
  records: Buffer,
  {
    acks = -1,
    timeoutMs = 30_000,
    index = 0,
    asker,
  }: { acks?: number; timeoutMs?: number; index?: number; asker?: Partial<Asker> } = {},
) =>
  rig.ask(
    node,
    produce,
    Produce,
    12,
    {
      transactionalId: null,
      acks,
      timeoutMs,
      topicData: [{ name, topicId: ZERO_UUID, partitionData: [{ index, records }] }],
    },
    asker,
  )

export const fetchFrom = (
  rig: Rig,
  node: number,
  topic: string,
  fetchOffset: number,
  {
    maxWaitMs = 0,
    minBytes = 1,
    currentLeaderEpoch = -1,
    version = 12,
    partition = 0,
    sessionEpoch = -1,
    asker,
  }: {
    maxWaitMs?: number
    minBytes?: number
    currentLeaderEpoch?: number
    version?: number
    partition?: number
    sessionEpoch?: number
    asker?: Partial<Asker>
  } = {},
) =>
  rig.ask(
    node,
    fetch,
    Fetch,
    version,
    {
      clusterId: null,
      replicaId: -1,
      replicaState: { replicaId: -1, replicaEpoch: -1 },
      maxWaitMs,
      minBytes,
      maxBytes: 10_000_000,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch,
      topics: [
        {
          topic,
          topicId: ZERO_UUID,
          partitions: [
            {
              partition,
              currentLeaderEpoch,
              fetchOffset,
              lastFetchedEpoch: -1,
              logStartOffset: -1,
              partitionMaxBytes: 1_000_000,
              replicaDirectoryId: ZERO_UUID,
              highWatermark: LONG_MAX,
            },
          ],
        },
      ],
      forgottenTopicsData: [],
      rackId: '',
    },
    asker,
  )

/** The error that a producer is told. */
export const producedError = async (answer: ReturnType<typeof produceTo>): Promise<ErrorName> =>
  errorName((await answer)!.responses[0]!.partitionResponses[0]!.errorCode)

export const fetchedPartition = async (answer: ReturnType<typeof fetchFrom>) =>
  (await answer)!.responses[0]!.partitions[0]!
