/**
 * Bytes that Kafka 4.3.0's own classes wrote: messages of every kind in their highest version,
 * and metadata and group records as their serdes frame them.
 */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decoder, encoder } from '../../transport/protocol/codec.ts'
import {
  decodeGroupRecord,
  encodeGroupRecord,
  type GroupRecord,
} from '../../transport/records/group.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecord,
} from '../../transport/records/metadata.ts'
import { declared } from './declared.ts'

const fixture = new URL('./fixtures/messages.tsv', import.meta.url)

test('what Kafka wrote is read, and written again byte for byte', () => {
  const codecs = new Map(declared.map(({ codec }) => [codec.name, codec]))
  const lines = readFileSync(fixture, 'utf8').trim().split('\n')
  assert.is(lines.length, 265)
  for (const line of lines) {
    const [name, version, hex] = line.split('\t') as [string, string, string]
    const codec = codecs.get(name)!
    const message = decoder(codec, Number(version))(Buffer.from(hex, 'hex'), 0)
    const again = Buffer.concat(encoder(codec, Number(version))(message))
    assert.is(again.toString('hex'), hex, name)
  }
})

const id = (low: number, high: number) => {
  const bytes = Buffer.alloc(16)
  bytes.writeInt32BE(low, 4)
  bytes.writeInt32BE(high, 12)
  return bytes.toString('base64url')
}
const orders = id(1, 2)

const metadata: [MetadataRecord, string][] = [
  [
    { type: 'TopicRecord', name: 'orders', topicId: orders },
    '010200076f72646572730000000000000001000000000000000200',
  ],
  [
    {
      type: 'PartitionRecord',
      partitionId: 3,
      topicId: orders,
      replicas: [1, 2, 3],
      isr: [1, 2],
      removingReplicas: [],
      addingReplicas: [],
      leader: 1,
      leaderRecoveryState: 0,
      leaderEpoch: 0,
      partitionEpoch: 0,
      directories: [id(5, 6), id(7, 8), id(9, 10)],
      eligibleLeaderReplicas: [3],
      lastKnownElr: null,
    },
    '0103020000000300000000000000010000000000000002040000000100000002000000030300000001000000020101' +
      '0000000100000000000000000400000000000000050000000000000006000000000000000700000000000000080000' +
      '000000000009000000000000000a0101050200000003',
  ],
  [
    {
      type: 'PartitionChangeRecord',
      partitionId: 3,
      topicId: orders,
      isr: [1],
      leader: -1,
      replicas: null,
      removingReplicas: null,
      addingReplicas: null,
      leaderRecoveryState: -1,
      directories: null,
      eligibleLeaderReplicas: null,
      lastKnownElr: null,
    },
    '010502000000030000000000000001000000000000000202000502000000010104ffffffff',
  ],
  [{ type: 'NoOpRecord' }, '01140000'],
  [
    { type: 'BeginTransactionRecord', name: 'Bootstrap records' },
    '01170001001212426f6f747374726170207265636f726473',
  ],
  [
    {
      type: 'RegisterBrokerRecord',
      brokerId: 2,
      isMigratingZkBroker: false,
      incarnationId: id(3, 4),
      brokerEpoch: 41,
      endPoints: [{ name: 'PLAINTEXT', host: 'localhost', port: 9092, securityProtocol: 0 }],
      features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 30 }],
      rack: null,
      fenced: true,
      inControlledShutdown: false,
      logDirs: [id(5, 6)],
      cordonedLogDirs: null,
    },
    '0100040000000200000000000000000300000000000000040000000000000029020a504c41494e544558540a6c6f63' +
      '616c686f7374238400000002116d657461646174612e76657273696f6e0007001e00000100010011020000000000' +
      '0000050000000000000006',
  ],
]

test('metadata records are framed as MetadataRecordSerde frames them', () => {
  for (const [record, hex] of metadata) {
    assert.is(encodeMetadataRecord(record).toString('hex'), hex, record.type)
    assert.equal(decodeMetadataRecord(Buffer.from(hex, 'hex')), record)
  }
})

test('a metadata record of an unknown type, frame or version is refused', () => {
  assert.throws(() => decodeMetadataRecord(Buffer.from([1, 99, 0])), /type 99/)
  assert.throws(() => decodeMetadataRecord(Buffer.from([2, 20, 0, 0])), /frame version 2/)
  assert.throws(() => decodeMetadataRecord(Buffer.from([1, 20, 1, 0])), /NoOpRecord has versions/)
  assert.throws(() => decodeMetadataRecord(Buffer.from([1, 20, 0, 0, 7])), /1 bytes too many/)
  assert.throws(() => decodeMetadataRecord(Buffer.alloc(0)), /ends within/)
})

test('a record whose version lacks what is set is not written', () => {
  const [partition] = metadata[1]!
  assert.throws(() => encodeMetadataRecord(partition, 0), /directories is set, but version 0/)
})

const offset = { group: 'g', topic: 'orders', partition: 3 }
const group: [GroupRecord, string, string | null][] = [
  [
    {
      type: 'OffsetCommit',
      ...offset,
      value: {
        offset: 42,
        leaderEpoch: 5,
        metadata: 'm',
        commitTimestamp: 1_700_000_000_000,
        expireTimestamp: -1,
        topicId: orders,
      },
    },
    '000100016700066f726465727300000003',
    '0004000000000000002a00000005026d0000018bcfe5680001001000000000000000010000000000000002',
  ],
  [
    {
      type: 'OffsetCommit',
      ...offset,
      value: {
        offset: 42,
        leaderEpoch: -1,
        metadata: 'm',
        commitTimestamp: 1_700_000_000_000,
        expireTimestamp: 1_800_000_000_000,
        topicId: id(0, 0),
      },
    },
    '000100016700066f726465727300000003',
    '0001000000000000002a00016d0000018bcfe56800000001a3185c5000',
  ],
  [{ type: 'OffsetCommit', ...offset, value: null }, '000100016700066f726465727300000003', null],
  [
    {
      type: 'GroupMetadata',
      group: 'g',
      value: {
        protocolType: 'consumer',
        generation: 7,
        protocol: 'range',
        leader: 'm-1',
        currentStateTimestamp: 1_700_000_000_000,
        members: [
          {
            memberId: 'm-1',
            groupInstanceId: null,
            clientId: 'c',
            clientHost: '/127.0.0.1',
            rebalanceTimeout: 300_000,
            sessionTimeout: 45_000,
            subscription: Buffer.from([1, 2]),
            assignment: Buffer.from([3]),
          },
        ],
      },
    },
    '0002000167',
    '00030008636f6e73756d657200000007000572616e676500036d2d310000018bcfe568000000000100036d2d31ffff' +
      '000163000a2f3132372e302e302e31000493e00000afc80000000201020000000103',
  ],
]

test('group records are framed as GroupCoordinatorRecordSerde frames them', () => {
  for (const [record, key, value] of group) {
    const bytes = encodeGroupRecord(record)
    assert.is(bytes.key.toString('hex'), key)
    assert.is(bytes.value?.toString('hex') ?? null, value)
    assert.equal(decodeGroupRecord(bytes.key, bytes.value), record)
  }
})

test('the records of newer groups are passed over', () => {
  const key = Buffer.from('0003000167', 'hex')
  const value = Buffer.from('0000000000030100 08fffffffffffffffb'.replace(' ', ''), 'hex')
  assert.is(decodeGroupRecord(key, value), undefined)
})

test.run()
