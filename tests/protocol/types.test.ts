/** What declarations infer, written out: the compiler fails where it is not exactly that. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Request, Response } from '../../transport/protocol/api.ts'
import type { Content } from '../../transport/protocol/record.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { Fetch } from '../../transport/schemas/01-fetch.ts'
import type { BrokerHeartbeat } from '../../transport/schemas/63-broker-heartbeat.ts'
import type { DescribeTopicPartitions } from '../../transport/schemas/75-describe-topic-partitions.ts'
import type { VotersRecord } from '../../transport/schemas/records/control.ts'

/** True for one and the same type only: not for a union with more, nor for `any`. */
type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Types that are written differently and mean the same are laid out first. */
type Plain<T> = T extends Buffer
  ? T
  : T extends (infer E)[]
    ? Plain<E>[]
    : T extends object
      ? { [K in keyof T]: Plain<T[K]> }
      : T

const same = <A, B>(equal: Equal<Plain<A>, Plain<B>>) => equal

test('requests and responses have exactly the types that their declarations say', () => {
  assert.ok(
    same<
      Request<typeof BrokerHeartbeat>,
      {
        brokerId: number
        brokerEpoch: number
        currentMetadataOffset: number
        wantFence: boolean
        wantShutDown: boolean
        offlineLogDirs: string[]
        cordonedLogDirs: string[] | null
      }
    >(true),
  )
  assert.ok(
    same<
      Response<typeof Fetch>,
      {
        throttleTimeMs: number
        errorCode: number
        sessionId: number
        responses: {
          topic: string
          topicId: string
          partitions: {
            partitionIndex: number
            errorCode: number
            highWatermark: number
            lastStableOffset: number
            logStartOffset: number
            divergingEpoch: { epoch: number; endOffset: number }
            currentLeader: { leaderId: number; leaderEpoch: number }
            snapshotId: { endOffset: number; epoch: number }
            abortedTransactions: { producerId: number; firstOffset: number }[] | null
            preferredReadReplica: number
            records: Buffer | null
          }[]
        }[]
        nodeEndpoints: { nodeId: number; host: string; port: number; rack: string | null }[]
      }
    >(true),
  )
  assert.ok(
    same<
      Request<typeof DescribeTopicPartitions>['cursor'],
      { topicName: string; partitionIndex: number } | null
    >(true),
  )
})

test('records, too', () => {
  assert.ok(
    same<
      Content<typeof VotersRecord>['voters'][number],
      {
        voterId: number
        voterDirectoryId: string
        endpoints: { name: string; host: string; port: number }[]
        kRaftVersionFeature: { minSupportedVersion: number; maxSupportedVersion: number }
      }
    >(true),
  )
  assert.ok(
    same<
      Extract<MetadataRecord, { type: 'TopicRecord' }>,
      { type: 'TopicRecord'; name: string; topicId: string }
    >(true),
  )
})

test('the comparison sees a null too many, a field too few, and any', () => {
  assert.not(same<{ a: string }, { a: string | null }>(false))
  assert.not(same<{ a: string; b: number }, { a: string }>(false))
  // biome-ignore lint/suspicious/noExplicitAny: that it is told apart is the point
  assert.not(same<{ a: string }, { a: any }>(false))
})

test.run()
