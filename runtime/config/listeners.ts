/**
 * Where a node listens and what it tells clients, out of `listeners`, `advertised.listeners` and
 * `controller.listener.names` (Kafka's rules, KIP-103, KIP-595).
 *
 * A controller need not listen, since the quorum talks over the link; Kafka demands it. Only
 * PLAINTEXT is built; any other protocol is refused rather than served in the clear.
 */
import type { Config } from '../../actors/config/config.ts'
import { misconfigured } from './config-error.ts'

/** An empty host means all interfaces; port 0 lets the system choose. */
export type Listener = { name: string; host: string; port: number }

export type Listeners = {
  /** Kafka clients talk to these. */
  broker: Listener[]
  /** `--bootstrap-controller` talks to these. */
  controller: Listener[]
  /** What Metadata and the registration say; hosts may be empty and ports 0 until they are bound. */
  advertisedBroker: Listener[]
  advertisedController: Listener[]
}

type Roles = { broker: boolean; controller: boolean }

const pattern = /^([A-Za-z0-9_.-]+):\/\/\[?([^\]]*?)\]?:(-?\d+)$/

export function parseListener(key: string, text: string): Listener {
  const [, name, host, port] = pattern.exec(text) ?? []
  if (name === undefined || host === undefined || Number(port) > 65_535 || Number(port) < 0) {
    misconfigured(`${key}: '${text}' is no listener; write NAME://host:port`)
  }
  return { name: name.toUpperCase(), host, port: Number(port) }
}

function parseListeners(config: Config, key: string): Listener[] {
  const all = config.list(key).map((text) => parseListener(key, text))
  const names = all.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) misconfigured(`${key}: ${twice} is named twice; each needs its own name`)
  return all
}

function checkPorts(listeners: Listener[]): void {
  const taken = new Map<string, string>()
  for (const { name, host, port } of listeners) {
    const other = port === 0 ? undefined : taken.get(`${host}:${port}`)
    if (other !== undefined) misconfigured(`listeners: ${other} and ${name} share port ${port}`)
    taken.set(`${host}:${port}`, name)
  }
}

function checkProtocols(config: Config, names: string[], controllerNames: string[]): void {
  const key = 'listener.security.protocol.map'
  const { value, source } = config.raw(key)
  const protocols = new Map(
    (value ?? '').split(',').map((pair) => {
      const [name = '', protocol = ''] = pair.trim().toUpperCase().split(':')
      return [name, protocol]
    }),
  )
  for (const name of names) {
    const implied = source === 'default' && controllerNames.includes(name) ? 'PLAINTEXT' : undefined
    const protocol = protocols.get(name) ?? implied
    if (protocol === undefined) misconfigured(`${key}: add ${name}:PLAINTEXT for listener ${name}`)
    if (protocol !== 'PLAINTEXT') {
      misconfigured(`${key}: ${name} is ${protocol}, but only PLAINTEXT is built so far`)
    }
  }
}

function checkAdvertised(advertised: Listener[], bound: Listener[]): void {
  for (const { name, host } of advertised) {
    if (!bound.some((listener) => listener.name === name)) {
      misconfigured(`advertised.listeners: ${name} is not among listeners`)
    }
    if (host === '0.0.0.0' || host === '::') {
      misconfigured(
        `advertised.listeners: clients cannot reach ${host}; set advertised.listeners=${name}://host:port`,
      )
    }
  }
}

function checkRoles(roles: Roles, broker: Listener[], controller: Listener[]): void {
  if (roles.broker && broker.length === 0) {
    misconfigured('listeners: a broker needs one beside those in controller.listener.names')
  }
  const [stray] = broker
  if (!roles.broker && stray !== undefined) {
    misconfigured(
      `listeners: ${stray.name} is no controller listener; name it in controller.listener.names`,
    )
  }
  const [extra] = controller
  if (!roles.controller && extra !== undefined) {
    misconfigured(
      `listeners: ${extra.name} is a controller listener, but the node is a broker only`,
    )
  }
}

/** @throws ConfigError */
export function listenersOf(config: Config, roles: Roles): Listeners {
  const controllerNames = config.list('controller.listener.names').map((name) => name.toUpperCase())
  const isController = ({ name }: Listener) => controllerNames.includes(name)
  // Kafka's default is a broker's listener; a controller without listeners has none.
  const unset = config.raw('listeners').source === 'default' && !roles.broker
  const bound = unset ? [] : parseListeners(config, 'listeners')
  checkPorts(bound)
  checkProtocols(
    config,
    bound.map(({ name }) => name),
    controllerNames,
  )
  const broker = bound.filter((listener) => !isController(listener))
  const controller = bound.filter(isController)
  checkRoles(roles, broker, controller)
  const told = parseListeners(config, 'advertised.listeners')
  const advertised = (of: Listener[]) => {
    const named = told.filter(({ name }) => of.some((listener) => listener.name === name))
    return told.length > 0 && named.length > 0 ? named : of
  }
  const advertisedBroker = advertised(broker)
  checkAdvertised([...told, ...advertisedBroker], bound)
  const interBroker = config.text('inter.broker.listener.name')?.toUpperCase()
  if (roles.broker && interBroker !== undefined) {
    if (!advertisedBroker.some(({ name }) => name === interBroker)) {
      misconfigured(`inter.broker.listener.name: ${interBroker} is no advertised listener`)
    }
  }
  return { broker, controller, advertisedBroker, advertisedController: advertised(controller) }
}
