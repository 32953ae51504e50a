/** Configurations of topics, brokers and groups, shown and changed. */
import type { Request } from '../../../transport/protocol/api.ts'
import { DescribeConfigs } from '../../../transport/schemas/32-describe-configs.ts'
import { AlterConfigs } from '../../../transport/schemas/33-alter-configs.ts'
import { IncrementalAlterConfigs } from '../../../transport/schemas/44-incremental-alter-configs.ts'
import { ListConfigResources } from '../../../transport/schemas/74-list-config-resources.ts'
import type { Part, Peer } from './peer.ts'
import { makeTopic, type Scenario, scenario, untilDone } from './scenario.ts'

const TOPIC = 2
const BROKER = 4
const LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32

type Asked = Part<Request<typeof DescribeConfigs>['resources'][number]>

const resource = (
  resourceType: number,
  resourceName: string,
  configurationKeys: string[] | null = null,
): Asked => ({ resourceType, resourceName, configurationKeys })

/** Waits until a broker shows what a controller has decided. */
const shows = (peer: Peer, of: Asked, value: string | null) =>
  untilDone(async () => {
    const { results } = await peer.quietly(DescribeConfigs, 4, { resources: [of] })
    if ((results[0]?.configs[0]?.value ?? null) !== value) throw new Error('not yet')
  })

const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3
type Change = [name: string, operation: number, value: string | null]

export const configScenarios: Scenario[] = [
  scenario('DescribeConfigs of topics', DescribeConfigs, async (peer, v, own) => {
    await makeTopic(peer, own, 1, { 'retention.ms': '12345', 'cleanup.policy': 'compact' })
    const ask = (resources: Asked[], includeSynonyms = false, includeDocumentation = false) =>
      peer.ask(DescribeConfigs, v, { resources, includeSynonyms, includeDocumentation })
    await ask([resource(TOPIC, own)])
    await ask([resource(TOPIC, own)], true, true)
    await ask([resource(TOPIC, own, ['retention.ms', 'no.such'])], true)
    await ask([resource(TOPIC, own, [])])
    await ask([resource(TOPIC, `${own}-none`)])
    await ask([resource(TOPIC, 'bad/name')])
    await ask([resource(TOPIC, '')])
    await ask([
      resource(TOPIC, own, ['retention.ms']),
      resource(TOPIC, own, ['segment.bytes']),
      resource(TOPIC, `${own}-none`),
    ])
    await ask([])
  }),

  scenario('DescribeConfigs of brokers', DescribeConfigs, async (peer, v) => {
    const ask = (resources: Asked[], includeSynonyms = false, includeDocumentation = false) =>
      peer.ask(DescribeConfigs, v, { resources, includeSynonyms, includeDocumentation })
    await ask([resource(BROKER, '1')], true, true)
    await ask([resource(BROKER, '')], true, true)
    await ask([resource(BROKER, '1', ['num.partitions', 'no.such'])])
    await ask([resource(BROKER, '7')])
    await ask([resource(BROKER, 'one')])
    await ask([resource(BROKER, '-1')])
  }),

  scenario('DescribeConfigs of others', DescribeConfigs, async (peer, v, own) => {
    const ask = (...resources: Asked[]) =>
      peer.ask(DescribeConfigs, v, { resources, includeSynonyms: true })
    await ask(resource(GROUP, own))
    await ask(resource(GROUP, ''))
    await ask(resource(CLIENT_METRICS, own))
    await ask(resource(CLIENT_METRICS, ''))
    await ask(resource(0, own))
    await ask(resource(99, own))
    await ask(resource(LOGGER, '7'))
    await ask(resource(LOGGER, 'one'))
    await ask(resource(LOGGER, ''))
  }),

  scenario('IncrementalAlterConfigs of topics', IncrementalAlterConfigs, async (peer, v, own) => {
    await makeTopic(peer, own)
    const to = (resourceName: string, changes: Change[], resourceType = TOPIC) => ({
      resourceType,
      resourceName,
      configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value })),
    })
    const alter = (...changes: Change[]) =>
      peer.ask(IncrementalAlterConfigs, v, { resources: [to(own, changes)] })
    const show = async (name: string, value: string | null) => {
      await shows(peer, resource(TOPIC, own, [name]), value)
      await peer.ask(DescribeConfigs, 4, {
        resources: [resource(TOPIC, own, [name])],
        includeSynonyms: true,
      })
    }
    await peer.ask(IncrementalAlterConfigs, v, {
      resources: [to(own, [['retention.ms', SET, '777']])],
      validateOnly: true,
    })
    await alter(['retention.ms', SET, '999'])
    await show('retention.ms', '999')
    await alter(['retention.ms', SET, ' 998 '])
    await alter(['cleanup.policy', APPEND, 'compact'])
    await show('cleanup.policy', 'delete,compact')
    await alter(['cleanup.policy', APPEND, 'compact'])
    await alter(['cleanup.policy', SUBTRACT, 'delete'])
    await show('cleanup.policy', 'compact')
    await alter(['cleanup.policy', SUBTRACT, 'delete'])
    await alter(['cleanup.policy', SUBTRACT, 'compact'])
    await alter(['cleanup.policy', DELETE, null])
    await show('cleanup.policy', 'delete')
    await alter(['retention.ms', DELETE, 'ignored'])
    await show('retention.ms', '604800000')
    await alter(['retention.ms', DELETE, null])
    await alter(['retention.ms', APPEND, '1'])
    await alter(['retention.ms', SUBTRACT, '1'])
    await alter(['retention.ms', SET, null])
    await alter(['retention.ms', SET, 'soon'])
    await alter(['retention.ms', SET, '-2'])
    await alter(['retention.ms', 9, '1'])
    await alter(['no.such', SET, '1'])
    await alter(['no.such', DELETE, null])
    await alter(['', SET, '1'])
    await alter(['retention.ms', SET, '1'], ['retention.ms', SET, '2'])
    await alter(['retention.ms', SET, '1'], ['retention.ms', DELETE, null])
    await alter(['retention.ms', SET, '5'], ['segment.bytes', SET, '1'])
    await alter(['min.insync.replicas', SET, '3'])
    await alter(['segment.bytes', SET, '1'])
    await alter(['max.message.bytes', SET, '-1'])
    await alter(['remote.storage.enable', SET, 'true'])
    await alter(['cleanup.policy', SET, ''])
    await alter(['cleanup.policy', SET, 'delete,delete'])
    await alter(['compression.type', SET, 'GZIP'])
    await alter(['compression.type', SET, 'gzip'])
    await alter(['message.timestamp.type', SET, 'logappendtime'])
    await alter(['unclean.leader.election.enable', SET, 'maybe'])
    await alter(['preallocate', SET, 'TRUE'])
    await alter(['leader.replication.throttled.replicas', SET, '0:1,1:1'])
    await alter(['leader.replication.throttled.replicas', APPEND, '2:1'])
    await alter(['leader.replication.throttled.replicas', SET, 'all'])
    await alter(['min.compaction.lag.ms', SET, '9'], ['max.compaction.lag.ms', SET, '8'])
    await alter()
    const several = (...resources: ReturnType<typeof to>[]) =>
      peer.ask(IncrementalAlterConfigs, v, { resources })
    await several(to(`${own}-none`, [['retention.ms', SET, '1']]))
    await several(to('bad/name', [['retention.ms', SET, '1']]))
    await several(to('', [['retention.ms', SET, '1']]))
    await several(to(own, [['retention.ms', SET, '1']]), to(own, [['segment.ms', SET, '1']]))
    await several(
      to(own, [['retention.ms', SET, '111']]),
      to(`${own}-none`, [['retention.ms', SET, '1']]),
    )
    await several(to(own, [['a', SET, '1']], 0))
    await several(to(own, [['a', SET, '1']], 99))
    await several()
  }),

  scenario('IncrementalAlterConfigs of others', IncrementalAlterConfigs, async (peer, v, own) => {
    const alter = (resourceType: number, resourceName: string, ...changes: Change[]) =>
      peer.ask(IncrementalAlterConfigs, v, {
        resources: [
          {
            resourceType,
            resourceName,
            configs: changes.map(([name, configOperation, value]) => ({
              name,
              configOperation,
              value,
            })),
          },
        ],
      })
    const show = async (name: string, of: string, value: string | null) => {
      await shows(peer, resource(BROKER, of, [name]), value)
      await peer.ask(DescribeConfigs, 4, {
        resources: [resource(BROKER, of, [name])],
        includeSynonyms: true,
      })
    }
    await alter(BROKER, '', ['log.retention.ms', SET, '1000000'])
    await show('log.retention.ms', '1', '1000000')
    await alter(BROKER, '1', ['log.retention.ms', SET, '2000000'])
    await show('log.retention.ms', '1', '2000000')
    await peer.ask(DescribeConfigs, 4, {
      resources: [resource(BROKER, '', null)],
      includeSynonyms: true,
    })
    await alter(BROKER, '1', ['log.retention.ms', DELETE, null])
    await alter(BROKER, '', ['log.retention.ms', DELETE, null])
    await show('log.retention.ms', '1', null)
    await alter(BROKER, '7', ['log.retention.ms', SET, '1000000'])
    await alter(BROKER, 'one', ['log.retention.ms', SET, '1000000'])
    await alter(BROKER, '-1', ['log.retention.ms', SET, '1000000'])
    await alter(BROKER, '1', ['num.partitions', SET, '3'])
    await alter(BROKER, '', ['num.partitions', SET, '3'])
    await alter(BROKER, '', ['broker.id', SET, '3'])
    await alter(BROKER, '1', ['no.such', SET, '3'])
    await alter(BROKER, '1', ['no.such', DELETE, null])
    await alter(BROKER, '1', ['log.retention.ms', SET, 'x'])
    await alter(BROKER, '', ['log.retention.ms', SET, '-2'])
    await alter(BROKER, '', ['num.io.threads', SET, '0'])
    await alter(BROKER, '', ['min.insync.replicas', SET, '0'])
    await alter(BROKER, '', ['min.insync.replicas', DELETE, null])
    await alter(BROKER, '1', ['min.insync.replicas', SET, '1'])
    await alter(BROKER, '', ['log.cleanup.policy', APPEND, 'compact'])
    await alter(BROKER, '', ['log.cleanup.policy', DELETE, null])
    await alter(GROUP, own, ['consumer.session.timeout.ms', SET, '1'])
    await alter(GROUP, own, ['no.such', SET, '50000'])
    await alter(GROUP, '', ['consumer.session.timeout.ms', SET, '50000'])
    await alter(CLIENT_METRICS, own, ['no.such', SET, '1'])
    await alter(CLIENT_METRICS, '', ['interval.ms', SET, '1000'])
    await alter(CLIENT_METRICS, own, ['interval.ms', SET, '1'])
  }),

  scenario('AlterConfigs', AlterConfigs, async (peer, v, own) => {
    await makeTopic(peer, own, 1, { 'retention.ms': '5' })
    const to = (
      resourceName: string,
      configs: [string, string | null][],
      resourceType = TOPIC,
    ) => ({
      resourceType,
      resourceName,
      configs: configs.map(([name, value]) => ({ name, value })),
    })
    const alter = (...resources: ReturnType<typeof to>[]) =>
      peer.ask(AlterConfigs, v, { resources })
    await peer.ask(AlterConfigs, v, {
      resources: [to(own, [['segment.ms', '77']])],
      validateOnly: true,
    })
    await alter(to(own, [['segment.ms', '77']]))
    await shows(peer, resource(TOPIC, own, ['segment.ms']), '77')
    await peer.ask(DescribeConfigs, 4, { resources: [resource(TOPIC, own)] })
    await alter(to(own, []))
    await alter(to(own, [['segment.ms', 'x']]))
    await alter(to(own, [['segment.ms', null]]))
    await alter(to(own, [['no.such', '1']]))
    await alter(
      to(own, [
        ['segment.ms', '1'],
        ['segment.ms', '2'],
      ]),
    )
    await alter(to(`${own}-none`, [['segment.ms', '1']]))
    await alter(to('', [['segment.ms', '1']]))
    await alter(to('7', [['log.retention.ms', '1']], BROKER))
    await alter(to('one', [['log.retention.ms', '1']], BROKER))
    await alter(to('1', [['num.partitions', '1']], BROKER))
    await alter(to('1', [['log.retention.ms', 'x']], BROKER))
    await alter(to(own, [['segment.ms', '1']], 99))
    await alter(to('1', [['a', 'INFO']], LOGGER))
    await alter()
  }),

  scenario('ListConfigResources', ListConfigResources, async (peer, v) => {
    const list = (...resourceTypes: number[]) => peer.ask(ListConfigResources, v, { resourceTypes })
    await list(CLIENT_METRICS)
    if (v === 0) return
    await list()
    await list(TOPIC)
    await list(BROKER)
    await list(LOGGER)
    await list(GROUP)
    await list(BROKER, TOPIC, BROKER)
    await list(0)
    await list(99)
  }),
]
