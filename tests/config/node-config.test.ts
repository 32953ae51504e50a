/** What a property file makes of a node, and the one line that a wrong one ends in. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { validateBrokerConfigs } from '../../actors/config/broker-config.ts'
import { type NodeConfig, nodeConfig, withDynamic } from '../../runtime/config/config.ts'
import { ConfigError } from '../../runtime/config/config-error.ts'
import { parseProperties } from '../../runtime/config/properties.ts'
import type { KafkaError } from '../../transport/protocol/errors.ts'

const test = suite('node configuration')

const combined = `
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:19092
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:19092
log.dirs=/data/1
`

const read = (text: string): NodeConfig => nodeConfig(parseProperties(text))

function refused(text: string): string {
  try {
    read(text)
  } catch (error) {
    assert.instance(error, ConfigError)
    const { message } = error as Error
    assert.not.match(message, '\n', 'one line')
    return message
  }
  return 'accepted'
}

test('a combined node', () => {
  const node = read(combined)
  assert.is(node.nodeId, 1)
  assert.equal(node.roles, { broker: true, controller: true })
  assert.equal(node.listeners.broker, [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092 }])
  assert.equal(node.listeners.controller, [{ name: 'CONTROLLER', host: '127.0.0.1', port: 19092 }])
  assert.equal(node.listeners.advertisedBroker, node.listeners.broker)
  assert.is(node.metadataLogDir, '/data/1')
  assert.equal(node.nats.servers, ['nats://127.0.0.1:4222'])
  assert.equal(node.warnings, [])
})

test("Java's property syntax: continuation, colons, escapes, comments", () => {
  const text = '# a comment\n! another\na.b : c\\\n   d\ne=\\u0041\\:x\nempty=\n'
  assert.equal(
    [...parseProperties(text)],
    [
      ['a.b', 'cd'],
      ['e', 'A:x'],
      ['empty', ''],
    ],
  )
})

test('a controller needs no listener, a broker no controller listener', () => {
  const controller = read('process.roles=controller\nnode.id=3000\nlog.dirs=/d\n')
  assert.equal(controller.listeners.broker, [])
  const broker = read('process.roles=broker\nnode.id=4\nlog.dirs=/d\nlisteners=PLAINTEXT://:0\n')
  assert.equal(broker.listeners.broker, [{ name: 'PLAINTEXT', host: '', port: 0 }])
})

test('advertised listeners are what clients are told', () => {
  const node = read(`${combined}advertised.listeners=PLAINTEXT://kafka.example.org:9092\n`)
  assert.is(node.listeners.advertisedBroker[0]!.host, 'kafka.example.org')
  assert.is(node.listeners.broker[0]!.host, '127.0.0.1')
})

test('a misspelt name is warned of, with the right one', () => {
  const node = read(`${combined}num.partition=3\nmy.own.thing=1\n`)
  assert.match(node.warnings[0]!, 'did you mean num.partitions?')
  assert.is(node.warnings[1], 'my.own.thing: nobody knows it')
})

test('static voters are read, and said to be weaker', () => {
  const node = read(`${combined}controller.quorum.voters=1@127.0.0.1:19092,2@127.0.0.1:19093\n`)
  assert.equal(
    node.staticVoters.map(({ id }) => id),
    [1, 2],
  )
  assert.match(node.warnings[0]!, 'static voters')
})

const wrong: [string, string, string | RegExp][] = [
  ['no roles', 'node.id=1\nlog.dirs=/d', 'process.roles'],
  ['no id', 'process.roles=broker\nlog.dirs=/d', 'node.id'],
  ['a negative id', `${combined}node.id=-1`, 'node.id'],
  ['two ids', `${combined}broker.id=2`, 'differ'],
  ['an unknown role', `${combined}process.roles=zookeeper`, 'process.roles'],
  ['no number', `${combined}num.partitions=many`, 'num.partitions'],
  ['out of bounds', `${combined}log.segment.bytes=1`, 'at least 1048576'],
  ['no listener', `${combined}listeners=9092`, 'NAME://host:port'],
  ['a port beyond', `${combined}listeners=PLAINTEXT://:99999`, 'NAME://host:port'],
  ['two listeners, one name', `${combined}listeners=A://:1,A://:2`, 'named twice'],
  [
    'two listeners, one port',
    `${combined}listeners=PLAINTEXT://:1,CONTROLLER://:1`,
    'PLAINTEXT and CONTROLLER share port 1',
  ],
  ['TLS', `${combined}listeners=SSL://127.0.0.1:9092`, 'only PLAINTEXT is built'],
  ['an unmapped name', `${combined}listeners=EXTERNAL://127.0.0.1:9092`, 'EXTERNAL:PLAINTEXT'],
  ['nowhere', `${combined}listeners=PLAINTEXT://0.0.0.0:9092`, 'cannot reach 0.0.0.0'],
  ['told but not bound', `${combined}advertised.listeners=B://h:1`, 'not among listeners'],
  ['no broker listener', `${combined}listeners=CONTROLLER://:1`, 'a broker needs one'],
  ['a voter that is none', `${combined}controller.quorum.voters=2@h:1`, 'add node 1'],
  ['a bad voter', `${combined}controller.quorum.voters=h:1`, 'id@host:port'],
  ['a folder twice', `${combined}log.dirs=/a,/a`, 'named twice'],
  ['an authorizer', `${combined}authorizer.class.name=a.B`, 'not built yet'],
  ['tiered storage', `${combined}remote.log.storage.system.enable=true`, 'not built'],
  ['sessions upside down', `${combined}group.min.session.timeout.ms=9999999`, 'may not exceed'],
  ['half a key pair', `${combined}nats.tls.cert.file=/c`, 'belong together'],
  ['two ways in', `${combined}nats.user=u\nnats.token=t`, 'not both'],
]
for (const [name, text, message] of wrong) {
  test(`refused: ${name}`, () => assert.match(refused(text), message))
}

test('dynamic values lie over the file', () => {
  const node = read(`${combined}log.retention.ms=1000`)
  const broker = new Map([['log.retention.ms', '2000']])
  const live = withDynamic(node, () => ({ clusterDefaults: undefined, broker }))
  assert.is(live.int('log.retention.ms'), 2000)
  assert.is(node.config.int('log.retention.ms'), 1000)
})

test('dynamic broker configurations are refused as Kafka refuses them', () => {
  const attempt = (values: Record<string, string>, clusterWide: boolean) => {
    try {
      validateBrokerConfigs(new Map(Object.entries(values)), clusterWide)
      return 'accepted'
    } catch (error) {
      return (error as KafkaError).code
    }
  }
  assert.is(attempt({ 'node.id': '5' }, false), 'INVALID_REQUEST')
  assert.is(attempt({ 'log.segment.bytes': '5' }, true), 'INVALID_REQUEST')
  assert.is(attempt({ listeners: 'PLAINTEXT://:1' }, true), 'INVALID_REQUEST')
  assert.is(attempt({ 'foo.bar': '3' }, true), 'accepted')
  assert.is(attempt({ 'log.roll.ms': '5' }, false), 'accepted')
})

test.run()
