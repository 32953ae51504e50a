/**
 * What one node is to be, out of its properties: checked as a whole before anything starts.
 *
 * Kafka's names and rules; what Kafka knows and we do not offer is refused where ignoring it would
 * break a promise (security, tiered storage), and without effect elsewhere. Names that nobody
 * knows are warned of.
 */
import { resolve } from 'node:path'
import type { Config, LayeredConfig } from '../../actors/config/config.ts'
import { nodeConfigDefinition } from '../../actors/config/definitions.ts'
import { type DynamicLayers, layeredConfig } from '../../actors/config/layered-config.ts'
import { checkedValue } from '../../actors/config/validation.ts'
import { KafkaError } from '../../transport/protocol/errors.ts'
import { misconfigured } from './config-error.ts'
import { type Listeners, listenersOf } from './listeners.ts'
import { closestName } from './spelling.ts'

type Properties = ReadonlyMap<string, string>

/** A voter as `controller.quorum.voters` names it; only the id counts, the rest is for tools. */
export type StaticVoter = { id: number; host: string; port: number }

export type NatsSettings = {
  servers: string[]
  user: string | null
  password: string | null
  token: string | null
  tls: { caFile: string | null; certFile: string | null; keyFile: string | null }
}

export type NodeConfig = {
  config: LayeredConfig
  /** As the file has them, `node.id` also where it was given as `broker.id`. */
  properties: Properties
  nodeId: number
  roles: { broker: boolean; controller: boolean }
  listeners: Listeners
  /** Absolute. */
  logDirs: string[]
  /** Where `__cluster_metadata-0` lives: `metadata.log.dir`, else the first log directory. */
  metadataLogDir: string
  /** Empty with dynamic voters, which the metadata log names (KIP-853). */
  staticVoters: StaticVoter[]
  bootstrapServers: string[]
  nats: NatsSettings
  /** One line each. */
  warnings: string[]
}

/** One line for each name that neither Kafka nor we know; a prefixed listener's are passed over. */
export function unknownNames(properties: Properties): string[] {
  return [...properties.keys()]
    .filter((name) => nodeConfigDefinition(name) === undefined)
    .filter((name) => !name.startsWith('listener.name.'))
    .map((name) => {
      const close = closestName(name)
      return `${name}: nobody knows it${close === undefined ? '' : `; did you mean ${close}?`}`
    })
}

function checkValues(properties: Properties): void {
  for (const [name, text] of properties) {
    const definition = nodeConfigDefinition(name)
    if (definition === undefined) continue
    try {
      checkedValue(definition, text)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      misconfigured(error.message)
    }
  }
}

function nodeIdOf(properties: Properties, config: Config): number {
  const brokerId = config.int('broker.id')
  if (!properties.has('node.id')) {
    if (brokerId >= 0) return brokerId
    misconfigured('node.id: set it to the number of this node')
  }
  const nodeId = config.int('node.id')
  if (brokerId >= 0 && brokerId !== nodeId) {
    misconfigured(`node.id: ${nodeId} and broker.id ${brokerId} differ; remove broker.id`)
  }
  return nodeId
}

function rolesOf(config: Config): NodeConfig['roles'] {
  const roles = config.list('process.roles')
  if (roles.length === 0) misconfigured('process.roles: set it to broker, controller or both')
  if (new Set(roles).size < roles.length) misconfigured('process.roles: a role is named twice')
  return { broker: roles.includes('broker'), controller: roles.includes('controller') }
}

export function parseVoter(text: string): StaticVoter {
  const [, id, host, port] = /^(\d+)@\[?([^\]]+?)\]?:(\d+)$/.exec(text) ?? []
  if (id === undefined || host === undefined || Number(port) > 65_535) {
    return misconfigured(`controller.quorum.voters: '${text}' is no voter; write id@host:port`)
  }
  return { id: Number(id), host, port: Number(port) }
}

function votersOf(config: Config, nodeId: number, roles: NodeConfig['roles']): StaticVoter[] {
  const voters = config.list('controller.quorum.voters').map(parseVoter)
  if (voters.length === 0) return voters
  const ids = voters.map(({ id }) => id)
  if (new Set(ids).size < ids.length) misconfigured('controller.quorum.voters: an id stands twice')
  if (roles.controller && !ids.includes(nodeId)) {
    misconfigured(`controller.quorum.voters: add node ${nodeId}, or take controller from its roles`)
  }
  if (!roles.controller && ids.includes(nodeId)) {
    misconfigured(`controller.quorum.voters: node ${nodeId} is no controller; remove it`)
  }
  return voters
}

function logDirsOf(config: Config): string[] {
  const several = config.list('log.dirs')
  const directories = several.length > 0 ? several : config.list('log.dir')
  if (directories.some((directory) => directory === '') || directories.length === 0) {
    misconfigured('log.dirs: name at least one folder')
  }
  const absolute = directories.map((directory) => resolve(directory))
  if (new Set(absolute).size < absolute.length) {
    misconfigured('log.dirs: a folder is named twice')
  }
  return absolute
}

function natsOf(config: Config): NatsSettings {
  const servers = config.list('nats.servers')
  if (servers.length === 0) misconfigured('nats.servers: name one, such as nats://127.0.0.1:4222')
  const user = config.text('nats.user')
  const token = config.text('nats.token')
  if (user !== null && token !== null) {
    misconfigured('nats.token: give a token or a user, not both')
  }
  const certFile = config.text('nats.tls.cert.file')
  const keyFile = config.text('nats.tls.key.file')
  if ((certFile === null) !== (keyFile === null)) {
    misconfigured('nats.tls.cert.file and nats.tls.key.file belong together; set both')
  }
  return {
    servers,
    user,
    password: config.text('nats.password'),
    token,
    tls: { caFile: config.text('nats.tls.ca.file'), certFile, keyFile },
  }
}

/** What would silently not hold if it were ignored. */
function refuseUnbuilt(config: Config): void {
  if (config.text('authorizer.class.name')) {
    misconfigured('authorizer.class.name: authorization is not built yet; remove it')
  }
  if (config.bool('remote.log.storage.system.enable')) {
    misconfigured('remote.log.storage.system.enable: tiered storage is not built; remove it')
  }
  if (config.text('security.inter.broker.protocol') !== 'PLAINTEXT') {
    misconfigured('security.inter.broker.protocol: nodes talk over NATS; use nats.tls.* instead')
  }
}

/** [lower, upper]: the first may not exceed the second. */
const ordered: [string, string][] = [
  ['replica.fetch.wait.max.ms', 'replica.lag.time.max.ms'],
  ['replica.fetch.wait.max.ms', 'replica.socket.timeout.ms'],
  ['group.min.session.timeout.ms', 'group.max.session.timeout.ms'],
  ['broker.heartbeat.interval.ms', 'broker.session.timeout.ms'],
]

function checkOrder(config: Config): void {
  for (const [lower, upper] of ordered) {
    if (config.int(lower) > config.int(upper)) {
      misconfigured(
        `${lower} (${config.int(lower)}) may not exceed ${upper} (${config.int(upper)})`,
      )
    }
  }
}

/** @throws ConfigError with one line that says what to do */
export function nodeConfig(properties: Properties): NodeConfig {
  checkValues(properties)
  const warnings = unknownNames(properties)
  const nodeId = nodeIdOf(properties, layeredConfig(properties))
  const numbered = new Map([...properties, ['node.id', `${nodeId}`]])
  const config = layeredConfig(numbered)
  const roles = rolesOf(config)
  const listeners = listenersOf(config, roles)
  const staticVoters = votersOf(config, nodeId, roles)
  const logDirs = logDirsOf(config)
  const metadataLogDir = config.text('metadata.log.dir')
  refuseUnbuilt(config)
  checkOrder(config)
  if (staticVoters.length > 0) {
    warnings.push(
      'controller.quorum.voters: static voters cannot tell a wiped disk from the one before; dynamic ones can',
    )
  }
  return {
    config,
    properties: numbered,
    nodeId,
    roles,
    listeners,
    logDirs,
    metadataLogDir: metadataLogDir === null ? logDirs[0]! : resolve(metadataLogDir),
    staticVoters,
    bootstrapServers: config.list('controller.quorum.bootstrap.servers'),
    nats: natsOf(config),
    warnings,
  }
}

/** The node's configuration with what the metadata log says on top, read at each access. */
export const withDynamic = (node: NodeConfig, dynamic: () => DynamicLayers): LayeredConfig =>
  layeredConfig(node.properties, dynamic)
