/**
 * `samsa node FILE.properties`: one node in this process, talking to the others over NATS. Prints a
 * line that starts with `ready` once it serves.
 */
import pc from 'picocolors'
import { nodeConfig } from '../config/config.ts'
import { readProperties } from '../config/properties.ts'
import { checkFormatted } from '../format/check-formatted.ts'
import { formatOnce } from '../format/first-start.ts'
import { type LogLevel, streamLogger } from '../logging.ts'
import { letHeapGrow } from './heap.ts'
import { assignments } from './start.ts'
import { untilStopped } from './until-stopped.ts'

export type NodeOptions = {
  override?: string[]
  inspect?: boolean
  logLevel: LogLevel
  json?: boolean
  formatWith?: string[]
}

/** @throws UserError, or what the node failed with */
export async function node(file: string, options: NodeOptions): Promise<void> {
  letHeapGrow()
  const properties = readProperties(file)
  for (const [key, value] of Object.entries(assignments(options.override ?? [])))
    properties.set(key, value)
  const config = nodeConfig(properties)
  const log = streamLogger(process.stderr, {
    level: options.logLevel,
    fields: { node: config.nodeId },
    ...(options.json ? { json: true } : {}),
  })
  if (options.formatWith !== undefined) await formatOnce(config, options.formatWith)
  for (const warning of config.warnings) log.warn({}, `${file}: ${warning}`)
  checkFormatted(config)
  const { startNode } = await import('../node.ts')
  const inspect = options.inspect
    ? await (await import('../inspect/inspector.ts')).inspector(`node-${config.nodeId}/`)
    : undefined
  const running = await startNode({
    node: config,
    link: 'nats',
    log,
    ...(inspect === undefined ? {} : { inspect }),
  })
  const stopped = untilStopped({
    stop: () => running.stop(),
    failed: running.failed,
    onStopping: () => console.log(pc.dim(`stopping node ${running.nodeId}`)),
  })
  const ready = running.ready().then(() => {
    const where = running.listeners.map(({ name, host, port }) => `${name}://${host}:${port}`)
    console.log(`ready  node=${running.nodeId} pid=${process.pid} ${where.join(' ')}`.trimEnd())
  })
  ready.catch(() => {
    // Told by `failed`, or cut short by a stop.
  })
  await stopped
}
