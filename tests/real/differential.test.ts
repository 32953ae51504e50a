/**
 * The same requests, byte for byte, to Apache Kafka and to us: every api that our brokers offer, in every
 * version, and the answers field by field. What must differ is taken out by `normalise.ts`; where we
 * differ by intention stands in `deliberate.ts`, and an entry that is true no longer fails, too.
 */
import * as assert from 'uvu/assert'
import { brokerTable } from '../../actors/broker/table.ts'
import { type Cluster, startCluster } from '../../runtime/cluster.ts'
import { ApiVersions } from '../../transport/schemas/18-api-versions.ts'
import { skipUnless } from '../support/peers.ts'
import { config } from './differential/config.ts'
import { deliberate } from './differential/deliberate.ts'
import { startKafka } from './differential/kafka.ts'
import { differences } from './differential/normalise.ts'
import { type Peer, peerAt } from './differential/peer.ts'
import type { Scenario } from './differential/scenario.ts'
import { scenarios } from './differential/scenarios.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('the same answers as Kafka')

let kafka: Awaited<ReturnType<typeof startKafka>> | undefined
let samsa: Cluster | undefined
let peers: [kafka: Peer, samsa: Peer]
const met = new Set<(typeof deliberate)[number]>()

async function play(scenario: Scenario, version: number, round: number): Promise<string[]> {
  await Promise.all(peers.map((peer) => scenario.play(peer, version, round)))
  const [theirs, ours] = peers.map((peer) => peer.transcript())
  for (const peer of peers) peer.close()
  assert.is(ours!.length, theirs!.length, 'both were asked the same')
  const found: string[] = []
  let remark = ''
  theirs!.forEach((entry, index) => {
    if (entry.what === 'case') remark = `${entry.answer}, `
    const lines = differences(entry.answer, ours![index]!.answer)
    found.push(...lines.map((line) => `#${index} ${remark}${entry.what} ${line}`))
  })
  return found.filter((line) => {
    const known = deliberate.filter(
      ({ scenario: of, where }) => of.test(scenario.name) && where.test(line),
    )
    for (const one of known) met.add(one)
    return known.length === 0
  })
}

if (skipUnless('java', 'kafka-jars')) {
  test.before(async () => {
    ;[kafka, samsa] = await Promise.all([startKafka(config), startCluster({ brokers: 1, config })])
    const ourPort = Number(samsa.bootstrapServers.split(':')[1])
    peers = [peerAt('Kafka', kafka.port), peerAt('Samsa', ourPort)]
  })
  test.after(async () => {
    await Promise.all([kafka?.stop(), samsa?.close()])
  })

  test('what we offer, Kafka offers', async () => {
    const { apiKeys } = await peers[0].quietly(ApiVersions, 4, {
      clientSoftwareName: 'differential',
      clientSoftwareVersion: '1',
    })
    peers[0].close()
    for (const { api, versions } of brokerTable.values()) {
      const theirs = apiKeys.find(({ apiKey }) => apiKey === api.key)
      assert.ok(theirs, api.name)
      assert.ok(versions[0] >= theirs.minVersion && versions[1] <= theirs.maxVersion, api.name)
    }
  })

  test('every api has a scenario', () => {
    const told = new Set(scenarios.map(({ api }) => api.name))
    const untold = [...brokerTable.values()].filter(({ api }) => !told.has(api.name))
    assert.equal(
      untold.map(({ api }) => api.name),
      [],
    )
  })

  for (const scenario of scenarios) {
    test(scenario.name, async () => {
      const [lowest, highest] = scenario.versions
      for (let version = lowest; version <= highest; version++) {
        // Reads of either side may lag behind its own writes: what differs is asked twice.
        const once = await play(scenario, version, 0)
        const twice = once.length === 0 ? [] : await play(scenario, version, 1)
        if (once.length > 0) console.log(`v${version}, played again:`, once)
        assert.equal(twice, [], `v${version}: Kafka | we`)
      }
    })
  }

  test('no deliberate difference is gone', () => {
    const gone = deliberate.filter((one) => !met.has(one))
    assert.equal(
      gone.map(({ where, why }) => `${where}: ${why}`),
      [],
    )
  })
}

test.run()
