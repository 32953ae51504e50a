/** What a client believes of a topic: its id and who leads each partition; asked again when wrong. */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { type Client, NoAnswerError } from './client.ts'

export type Leader = { topicId: string; nodeId: number; leaderEpoch: number }

export type Locator = {
  leader(topic: string, partition: number): Leader | undefined
  /** What is known of this topic proved wrong: one asks, all wait for it. */
  refresh(topic: string): Promise<void>
}

const pauseMs = 50

export function createLocator(client: Client): Locator {
  const leaders = new Map<string, Leader>()
  const asking = new Map<string, Promise<void>>()

  async function ask(topic: string): Promise<void> {
    await client.sleep(pauseMs)
    try {
      const { topics } = await client.metadata([topic])
      const found = topics[0]
      if (found === undefined || found.errorCode !== errorCodes.NONE) return
      for (const { partitionIndex, leaderId, leaderEpoch } of found.partitions) {
        const key = `${topic}-${partitionIndex}`
        const known = leaders.get(key)
        if (known?.topicId === found.topicId && known.leaderEpoch > leaderEpoch) continue
        leaders.set(key, { topicId: found.topicId, nodeId: leaderId, leaderEpoch })
      }
    } catch (why) {
      if (!(why instanceof NoAnswerError)) throw why
    }
  }

  return {
    leader(topic, partition) {
      const found = leaders.get(`${topic}-${partition}`)
      return found === undefined || found.nodeId < 0 ? undefined : found
    },
    refresh(topic) {
      const running = asking.get(topic)
      if (running !== undefined) return running
      const asked = ask(topic).finally(() => asking.delete(topic))
      asking.set(topic, asked)
      return asked
    },
  }
}
