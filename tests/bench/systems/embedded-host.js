/**
 * Starts the built package's cluster in a plain Node process and obeys its parent:
 * `{ id, what: 'kill' | 'stop' | 'start', node }` is answered `{ id, error? }`. Plain JavaScript, so
 * that nothing but the package is in the process that is measured.
 */
import { pathToFileURL } from 'node:url'

const [entry, options] = process.argv.slice(2)
const { startCluster } = await import(pathToFileURL(entry).href)
const cluster = await startCluster(JSON.parse(options))

process.on('message', async ({ id, what, node }) => {
  try {
    await cluster.node(node)[what]()
    process.send({ id })
  } catch (why) {
    process.send({ id, error: String(why) })
  }
})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', async () => {
  await cluster.close()
  process.exit()
})
