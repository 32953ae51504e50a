/**
 * Ports for servers that are killed and started again. They lie below the range that systems take
 * outgoing ports from: else a client that redials a dead server can get its very port, and connect to itself.
 */
import { createServer } from 'node:net'

const lowest = 12_000
const highest = 31_999

export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (!found.has(port) && (await isFree(port))) found.add(port)
  }
  return [...found]
}
