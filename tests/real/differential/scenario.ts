/** How a scenario is told: for one api, in each of the versions that we offer, to each of the two. */
import type { Api } from '../../../transport/protocol/api.ts'
import { ListOffsets } from '../../../transport/schemas/02-list-offsets.ts'
import { Metadata } from '../../../transport/schemas/03-metadata.ts'
import { CreateTopics } from '../../../transport/schemas/19-create-topics.ts'
import { sleep } from '../support/processes.ts'
import type { Peer } from './peer.ts'

export type Scenario = {
  name: string
  api: Api
  versions: readonly [lowest: number, highest: number]
  /** @param round a second one plays with names of its own */
  play(peer: Peer, version: number, round: number): Promise<void>
}

let number = 0

/** @param play gets a name for topics and groups that no other scenario or version uses */
export function scenario(
  name: string,
  api: Api,
  play: (peer: Peer, version: number, own: string) => Promise<void>,
  versions: Scenario['versions'] = api.versions,
): Scenario {
  const prefix = `s${++number}`
  return {
    name,
    api,
    versions,
    play: (peer, version, round) =>
      play(peer, version, `${prefix}${round === 0 ? '' : `r${round}`}-v${version}`),
  }
}

/** Makes a topic and waits until its leaders are known. @returns its id */
export async function makeTopic(
  peer: Peer,
  name: string,
  partitions = 1,
  configs: Record<string, string> = {},
): Promise<string> {
  const { topics } = await peer.quietly(CreateTopics, 7, {
    topics: [
      {
        name,
        numPartitions: partitions,
        replicationFactor: 1,
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
    timeoutMs: 10_000,
  })
  const { errorCode, errorMessage, topicId } = topics[0]!
  if (errorCode !== 0) throw new Error(`${peer.name} made no ${name}: ${errorMessage}`)
  await ready(peer, name, partitions)
  return topicId
}

/** Tries again until it does not throw. */
export async function untilDone(attempt: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + 10_000
  for (;;) {
    try {
      return await attempt()
    } catch (why) {
      if (Date.now() > deadline) throw why
      await sleep(10)
    }
  }
}

/** Waits until each partition of a topic has its leader. */
export async function ready(peer: Peer, name: string, partitions = 1): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const { topics } = await peer.quietly(Metadata, 12, {
      topics: [{ name }],
      allowAutoTopicCreation: false,
    })
    const led = topics[0]!.partitions.filter(({ leaderId }) => leaderId >= 0)
    if (led.length === partitions && (await serves(peer, name, partitions))) return
    await sleep(10)
  }
  throw new Error(`${peer.name} knows no leaders of ${name}`)
}

/** Kafka names leaders a little before they serve. */
async function serves(peer: Peer, name: string, partitions: number): Promise<boolean> {
  const { topics } = await peer.quietly(ListOffsets, 7, {
    replicaId: -1,
    topics: [
      {
        name,
        partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({
          partitionIndex,
          currentLeaderEpoch: -1,
          timestamp: -1,
        })),
      },
    ],
  })
  return topics[0]!.partitions.every(({ errorCode }) => errorCode === 0)
}
