/** Who votes first: typed (`id@host:port:directoryId,...`), this node alone, or all controllers given. */
import type { Voter } from '../../actors/quorum/types.ts'
import type { NodeConfig } from '../config/config.ts'
import { UserError } from '../config/user-error.ts'

const kraftVersion = { min: 0, max: 1 }
const pattern = /^(\d+)@\[?([^\]]+?)\]?:(\d+):([A-Za-z0-9_-]{22})$/

/** @throws UserError */
export function parseInitialControllers(text: string, listenerName: string): Voter[] {
  const voters = text.split(',').map((item) => {
    const [, id, host, port, directoryId] = pattern.exec(item.trim()) ?? []
    if (host === undefined || directoryId === undefined || Number(port) > 65_535) {
      throw new UserError(
        `--initial-controllers: '${item}' is no voter; write id@host:port:directoryId`,
      )
    }
    const endpoints = [{ name: listenerName, host, port: Number(port) }]
    return { id: Number(id), directoryId, endpoints, kraftVersion }
  })
  const ids = voters.flatMap(({ id, directoryId }) => [`${id}`, directoryId])
  if (new Set(ids).size < ids.length) {
    throw new UserError('--initial-controllers: an id or a directory id stands twice')
  }
  return voters
}

/** A node as voter; without a controller listener it has no endpoint, and needs none. */
export const voterOf = (node: NodeConfig, directoryId: string): Voter => ({
  id: node.nodeId,
  directoryId,
  endpoints: node.listeners.advertisedController,
  kraftVersion,
})
