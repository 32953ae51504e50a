/** What a node tells about itself and its cluster. */
import type { Request } from '../../../transport/protocol/api.ts'
import { ApiVersions } from '../../../transport/schemas/18-api-versions.ts'
import { DescribeQuorum } from '../../../transport/schemas/55-describe-quorum.ts'
import { UpdateFeatures } from '../../../transport/schemas/57-update-features.ts'
import { DescribeCluster } from '../../../transport/schemas/60-describe-cluster.ts'
import { UnregisterBroker } from '../../../transport/schemas/64-unregister-broker.ts'
import type { Part } from './peer.ts'
import { type Scenario, scenario } from './scenario.ts'

/** Key, version, correlation id, client id; then the body. */
function header(key: number, version: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(10)
  head.writeInt16BE(key, 0)
  head.writeInt16BE(version, 2)
  head.writeInt32BE(77, 4)
  head.writeInt16BE(-1, 8)
  return Buffer.concat([head, body])
}

export const nodeScenarios: Scenario[] = [
  scenario('ApiVersions', ApiVersions, async (peer, v) => {
    const ask = (clientSoftwareName: string, clientSoftwareVersion: string) =>
      peer.another().ask(ApiVersions, v, { clientSoftwareName, clientSoftwareVersion })
    await ask('differential', '1.0')
    if (v < 3) return
    await ask('', '1.0')
    await ask('differential', '')
    await ask('not ok', '1.0')
    await ask('-dash', '1.0')
  }),

  scenario(
    'Requests that no version covers',
    ApiVersions,
    async (peer) => {
      // A header of the second version: tags, and none of them.
      const untagged = Buffer.from([0])
      for (const version of [5, 99]) {
        await peer.raw(`ApiVersions v${version}`, header(18, version, untagged))
      }
      await peer.raw('ApiVersions v-1', header(18, -1))
      for (const [key, version] of [
        [3, 14],
        [3, -1],
        [0, 2],
        [1, 3],
        [999, 0],
        [-1, 0],
        [4, 0],
        [7, 0],
        [52, 0],
      ] as const) {
        await peer.raw(`api ${key} v${version}`, header(key, version))
      }
      await peer.raw('a body that ends early', header(3, 4, Buffer.from([0, 0])))
      await peer.raw('an empty frame', Buffer.alloc(0))
      await peer.raw('half a header', Buffer.alloc(5))
    },
    [4, 4],
  ),

  scenario('DescribeCluster', DescribeCluster, async (peer, v) => {
    const ask = (more: Part<Request<typeof DescribeCluster>> = {}) =>
      peer.ask(DescribeCluster, v, { endpointType: 1, ...more })
    await ask()
    await ask({ includeClusterAuthorizedOperations: true })
    if (v >= 1) for (const endpointType of [0, 2, 3]) await ask({ endpointType })
    if (v >= 2) await ask({ includeFencedBrokers: true })
  }),

  scenario('DescribeQuorum', DescribeQuorum, async (peer, v) => {
    const ask = (topicName: string, ...partitions: number[]) =>
      peer.ask(DescribeQuorum, v, {
        topics: [
          { topicName, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) },
        ],
      })
    await ask('__cluster_metadata', 0)
    await ask('__cluster_metadata', 1)
    await ask('__cluster_metadata', 0, 1)
    await ask('__cluster_metadata')
    await ask('other', 0)
    await peer.ask(DescribeQuorum, v, {})
  }),

  scenario('UpdateFeatures', UpdateFeatures, async (peer, v) => {
    type Update = {
      feature: string
      maxVersionLevel: number
      upgradeType?: number
      allowDowngrade?: boolean
    }
    const update = (...featureUpdates: Update[]) =>
      peer.ask(UpdateFeatures, v, {
        timeoutMs: 10_000,
        featureUpdates: featureUpdates.map((one) => ({ upgradeType: 1, ...one })),
        validateOnly: v >= 1,
      })
    const metadata = 'metadata.version'
    await update({ feature: metadata, maxVersionLevel: 30 })
    await update({ feature: metadata, maxVersionLevel: 99 })
    await update({ feature: metadata, maxVersionLevel: 29 })
    await update({ feature: metadata, maxVersionLevel: 1 })
    await update({ feature: metadata, maxVersionLevel: 0 })
    await update({ feature: metadata, maxVersionLevel: -1 })
    await update({ feature: 'no.such', maxVersionLevel: 1 })
    await update({ feature: '', maxVersionLevel: 1 })
    await update(
      { feature: metadata, maxVersionLevel: 30 },
      { feature: metadata, maxVersionLevel: 30 },
    )
    await update(
      { feature: metadata, maxVersionLevel: 30 },
      { feature: 'no.such', maxVersionLevel: 1 },
    )
    await update()
    await update({ feature: 'kraft.version', maxVersionLevel: 1 })
    await update({ feature: 'kraft.version', maxVersionLevel: 5 })
    await peer.ask(UpdateFeatures, v, {
      timeoutMs: 0,
      featureUpdates: [{ feature: metadata, maxVersionLevel: 30, upgradeType: 1 }],
      validateOnly: v >= 1,
    })
    if (v < 1) return
    for (const upgradeType of [0, 2, 3, 4]) {
      await update({ feature: metadata, maxVersionLevel: 29, upgradeType })
    }
  }),

  scenario('UnregisterBroker', UnregisterBroker, async (peer, v) => {
    for (const brokerId of [7, -1]) await peer.ask(UnregisterBroker, v, { brokerId })
  }),
]
