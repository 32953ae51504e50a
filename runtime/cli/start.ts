/**
 * `samsa start`: a whole cluster in this process, over the in-memory link, with real listeners and
 * real disks. Prints a line that starts with `ready` once clients can use it.
 */
import { resolve } from 'node:path'
import pc from 'picocolors'
import { described } from '../cluster-folder.ts'
import { unknownNames } from '../config/config.ts'
import { misconfigured } from '../config/config-error.ts'
import type { LogLevel } from '../logging.ts'
import { letHeapGrow } from './heap.ts'
import { untilStopped } from './until-stopped.ts'

export type StartOptions = {
  brokers: number
  controllers: number
  port: number
  data: string
  ephemeral?: boolean
  json?: boolean
  inspect?: boolean
  logLevel: LogLevel
  config?: string[]
}

/** `key=value`, as often as given. */
export function assignments(texts: string[]): Record<string, string> {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf('=')
    if (at < 1) misconfigured(`--config ${text}: write key=value, such as num.partitions=6`)
    return [text.slice(0, at).trim(), text.slice(at + 1)]
  })
  return Object.fromEntries(pairs)
}

/** Progress for people, or one JSON object a line for scripts. */
function teller(json: boolean) {
  return (event: string, fields: Record<string, string>, line: string) => {
    console.log(json ? JSON.stringify({ event, ...fields }) : line)
  }
}

/** @throws UserError, or what a node failed with */
export async function start(options: StartOptions): Promise<void> {
  letHeapGrow()
  const config = assignments(options.config ?? [])
  for (const warning of unknownNames(new Map(Object.entries(config)))) {
    console.error(`${pc.yellow('samsa:')} --config ${warning}`)
  }
  const tell = teller(options.json ?? false)
  const folder = options.ephemeral ? 'a temporary folder' : resolve(options.data)
  tell(
    'starting',
    { nodes: described(options), folder },
    pc.dim(`starting ${described(options)} in ${folder}`),
  )
  const [{ startCluster }, { streamLogger }] = await Promise.all([
    import('../cluster.ts'),
    import('../logging.ts'),
  ])
  const inspect = options.inspect
    ? await (await import('../inspect/inspector.ts')).inspector()
    : undefined
  const starting = startCluster({
    brokers: options.brokers,
    controllers: options.controllers,
    ports: options.port,
    ...(options.ephemeral ? { ephemeral: true } : { dataDir: resolve(options.data) }),
    config,
    log: streamLogger(process.stderr, {
      level: options.logLevel,
      ...(options.json ? { json: true } : {}),
    }),
    ...(inspect === undefined ? {} : { inspect }),
  })
  const ready = starting.then(({ bootstrapServers: servers }) =>
    tell('ready', { 'bootstrap.servers': servers }, `ready  bootstrap.servers=${pc.bold(servers)}`),
  )
  await untilStopped({
    // Also while it starts: a temporary folder is to be removed.
    stop: async () => (await starting).close(),
    failed: Promise.all([starting, ready]).then(([cluster]) => cluster.failed),
    onStopping: () => tell('stopping', {}, pc.dim('stopping; once more to stop at once')),
  })
  tell('stopped', {}, pc.dim('stopped'))
}
