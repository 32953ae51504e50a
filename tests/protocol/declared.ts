/** Everything that is declared, in every version: what the tests of the codec walk through. */
import type { Codec } from '../../transport/protocol/codec.ts'
import { isFlexible } from '../../transport/protocol/codec.ts'
import type { RecordType } from '../../transport/protocol/record.ts'
import { nodeOf, type StructNode } from '../../transport/protocol/schema.ts'
import { apis } from '../../transport/schemas/all.ts'
import * as classicGroup from '../../transport/schemas/records/classic-group.ts'
import * as consumerGroup from '../../transport/schemas/records/consumer-group.ts'
import * as consumerProtocol from '../../transport/schemas/records/consumer-protocol.ts'
import * as control from '../../transport/schemas/records/control.ts'
import * as metadataCluster from '../../transport/schemas/records/metadata-cluster.ts'
import * as metadataSecurity from '../../transport/schemas/records/metadata-security.ts'
import * as metadataTopics from '../../transport/schemas/records/metadata-topics.ts'
import * as principal from '../../transport/schemas/records/principal.ts'
import * as producerSnapshot from '../../transport/schemas/records/producer-snapshot.ts'
import * as quorumState from '../../transport/schemas/records/quorum-state.ts'
import * as remoteLog from '../../transport/schemas/records/remote-log.ts'
import * as shareGroup from '../../transport/schemas/records/share-group.ts'
import * as shareState from '../../transport/schemas/records/share-state.ts'
import * as streamsGroup from '../../transport/schemas/records/streams-group.ts'
import * as transaction from '../../transport/schemas/records/transaction.ts'

export const recordTypes: RecordType[] = [
  classicGroup,
  consumerGroup,
  consumerProtocol,
  control,
  metadataCluster,
  metadataSecurity,
  metadataTopics,
  principal,
  producerSnapshot,
  quorumState,
  remoteLog,
  shareGroup,
  shareState,
  streamsGroup,
  transaction,
].flatMap((module): RecordType[] => Object.values(module))

const codecs: Codec[] = [
  ...apis.flatMap(({ request, response }) => [request, response]),
  ...recordTypes.map(({ codec }) => codec),
]

export type Declared = {
  codec: Codec
  struct: StructNode
  version: number
  flexible: boolean
  title: string
}

export const declared: Declared[] = codecs.flatMap((codec) => {
  const [lowest, highest] = codec.versions
  return Array.from({ length: highest - lowest + 1 }, (_, index) => {
    const version = lowest + index
    return {
      codec,
      struct: nodeOf(codec.struct) as StructNode,
      version,
      flexible: isFlexible(codec, version),
      title: `${codec.name} v${version}`,
    }
  })
})
