/** One `server.properties` for each of three combined nodes, on free ports. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../support/ports.ts'
import { nodeIds, properties } from './system.ts'

export type NodeFiles = { files: string[]; bootstrap: string; controllers: string[] }

export async function writeNodeFiles(
  folder: string,
  extra: Record<string, string> = {},
): Promise<NodeFiles> {
  const ports = await freePorts(2 * nodeIds.length)
  const brokers = ports.slice(0, nodeIds.length).map((port) => `127.0.0.1:${port}`)
  const controllers = ports.slice(nodeIds.length).map((port) => `127.0.0.1:${port}`)
  mkdirSync(folder, { recursive: true })
  const files = nodeIds.map((id, index) => {
    const file = join(folder, `${id}.properties`)
    const all = {
      'process.roles': 'broker,controller',
      'node.id': String(id),
      listeners: `PLAINTEXT://${brokers[index]},CONTROLLER://${controllers[index]}`,
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.bootstrap.servers': controllers.join(','),
      'log.dirs': join(folder, `data-${id}`),
      ...properties,
      ...extra,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(file, lines.join(''))
    return file
  })
  return { files, bootstrap: brokers.join(','), controllers }
}
