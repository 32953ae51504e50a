/**
 * M7: what an operation costs depends on what it touches, not on how much else there is. The same ones in
 * two clusters, of which one has ten times the topics: records, messages between nodes and their bytes.
 */
import { enact, quietScript, type Stage } from './stage.ts'
import { must } from './violation.ts'

type Cost = { records: number; messages: number; bytes: number }

const slopeMax = 0.05
/** Long against the rhythm of heartbeats and fetches, which an operation meets anywhere. */
const windowMs = 6_000
const sends = 40
const seeds = [51, 52, 53]

/** Counts what a cluster does while this goes on, and for a while after it. */
function meter({ cluster, pass }: Stage) {
  const cost: Cost = { records: 0, messages: 0, bytes: 0 }
  const { network } = cluster
  const { onDelivery } = network
  network.onDelivery = (from, to, api, bytes) => {
    cost.messages++
    cost.bytes += bytes
    onDelivery(from, to, api, bytes)
  }
  cluster.nodes[0]!.parts!.quorum.listen({
    handleCommit({ records }) {
      cost.records += records.filter(({ type }) => type !== 'NoOpRecord').length
    },
    handleLoadSnapshot: () => undefined,
    handleLeaderChange() {},
  })
  return async (work: () => Promise<unknown>): Promise<Cost> => {
    const before = { ...cost }
    await work()
    await pass(windowMs)
    return {
      records: cost.records - before.records,
      messages: cost.messages - before.messages,
      bytes: cost.bytes - before.bytes,
    }
  }
}

/** The most of several histories: in each the rhythms of the nodes meet in their own way. */
async function costs(topics: number): Promise<Map<string, Cost>> {
  const most = new Map<string, Cost>()
  for (const seed of seeds) {
    for (const [name, { records, messages, bytes }] of await costsOf(seed, topics)) {
      const known = most.get(name) ?? { records: 0, messages: 0, bytes: 0 }
      most.set(name, {
        records: Math.max(known.records, records),
        messages: Math.max(known.messages, messages),
        bytes: Math.max(known.bytes, bytes),
      })
    }
  }
  return most
}

async function costsOf(seed: number, topics: number): Promise<Map<string, Cost>> {
  const found = new Map<string, Cost>()
  const { failure } = await enact({
    lesson: '',
    script: quietScript(seed, { controllers: 3 }),
    async play(stage) {
      for (let index = 0; index < topics; index++) {
        await stage.within(8_000, 'a topic is there', stage.createTopic(`other-${index}`, 1))
      }
      await stage.pass(5_000)
      const metered = meter(stage)
      // Who listens is told of all that was before.
      await stage.pass(1_000)
      const operations: Record<string, () => Promise<unknown>> = {
        nothing: () => stage.pass(2_000),
        produce: async () => {
          for (let index = 0; index < sends; index++) {
            await stage.within(5_000, 'it is acknowledged', stage.send([`value-${index}`]))
          }
        },
        createTopics: async () => {
          for (let index = 0; index < 5; index++) {
            const created = stage.createTopic(`one-${index}`, 1, [[1, 2, 3]])
            await stage.within(5_000, 'it is there', created)
          }
        },
        alterConfig: async () =>
          stage.act({ do: 'alterConfig', topic: 'first', key: 'segment.bytes', value: '2000000' }),
        reassign: async () =>
          stage.act({ do: 'reassign', topic: 'first', partition: 0, replicas: [1, 2] }),
      }
      for (const [name, work] of Object.entries(operations)) found.set(name, await metered(work))
    },
  })
  if (failure !== undefined) throw failure.why
  return found
}

/**
 * @param tell is told of each operation
 * @throws Violation M7, or what a history failed with
 */
export async function compareCosts(tell: (words: string) => void): Promise<void> {
  const [few, many] = [await costs(6), await costs(60)]
  for (const [name, one] of few) {
    const ten = many.get(name)!
    tell(`${name}: ${JSON.stringify(one)} of few topics, ${JSON.stringify(ten)} of many`)
    const most = (cost: number) => cost * (1 + slopeMax)
    must(
      ten.records === one.records &&
        ten.messages <= most(one.messages) &&
        ten.bytes <= most(one.bytes),
      'M7',
      'ten times the topics, the same cost',
      () => ({ name, one, ten }),
    )
  }
}
