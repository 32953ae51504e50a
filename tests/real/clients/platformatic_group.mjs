/**
 * One member of a consumer group of @platformatic/kafka; prints each value it reads on a line.
 *
 * usage: node platformatic_group.mjs PACKAGE BOOTSTRAP TOPIC GROUP
 * Leaves the group when standard input closes. What ends its stream is told, and it joins anew.
 */
import { pathToFileURL } from 'node:url'

const [file, bootstrap, topic, groupId] = process.argv.slice(2)
const { Consumer, stringDeserializers } = await import(pathToFileURL(file).href)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

let leaving = false
let consumer
process.stdin.on('end', async () => {
  leaving = true
  await consumer?.close(true).catch(() => {})
  process.exit(0)
})
process.stdin.resume()

while (!leaving) {
  consumer = new Consumer({
    groupId,
    clientId: 'member',
    bootstrapBrokers: bootstrap.split(','),
    deserializers: stringDeserializers,
    sessionTimeout: 10_000,
    heartbeatInterval: 1_000,
    retries: 50,
    retryDelay: 100,
  })
  try {
    const stream = await consumer.consume({
      topics: [topic],
      mode: 'committed',
      fallbackMode: 'earliest',
      autocommit: 500,
    })
    for await (const { value } of stream) console.log(value)
  } catch (error) {
    if (!leaving) console.error(`again after: ${error?.message ?? error}`)
  }
  if (leaving) break
  await consumer.close(true).catch(() => {})
  await pause(200)
}
