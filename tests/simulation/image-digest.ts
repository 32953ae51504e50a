/** What an image says to those who read it, digested: nothing of how production hashes or stores it. */
import { createHash } from 'node:crypto'
import type { MutableImage } from '../../actors/metadata/create-image.ts'

const byKey = ([a]: [string | number, unknown], [b]: [string | number, unknown]) => (a < b ? -1 : 1)
const sorted = <V>(map: ReadonlyMap<string, V> | ReadonlyMap<number, V>) =>
  [...(map as ReadonlyMap<string | number, V>)].sort(byKey)

export function imageDigest(image: MutableImage): string {
  const hash = createHash('sha256')
  const add = (what: unknown) => hash.update(JSON.stringify(what))
  add([sorted(image.features()), sorted(image.brokers()), sorted(image.controllers())])
  for (const topic of [...image.topics()].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const partitions = Array.from({ length: topic.partitionCount() }, (_, at) =>
      topic.partition(at),
    )
    add([topic.id, topic.name, partitions])
  }
  const configs = [...image.configResources()].map((of): [string, unknown] => [
    `${of.type}/${of.name}`,
    sorted(image.configs(of)),
  ])
  add([configs.sort(byKey), image.nextProducerId(), sorted(image.state.kept)])
  return hash.digest('base64url')
}
