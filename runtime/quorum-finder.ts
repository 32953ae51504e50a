/**
 * Which node ids to ask for the metadata quorum, for a node whose disk names no voters yet: Kafka's
 * `controller.quorum.bootstrap.servers` are dialled and asked DescribeQuorum (KIP-595, 853).
 *
 * Whoever answers tells the leader, and the leader all voters. From then on the link is used.
 */
import { connect } from 'node:net'
import type { Logger } from '../actors/log.ts'
import type { Clock } from '../actors/ports/clock.ts'
import { decodeResponse, encodeRequest, framed, type Response } from '../transport/protocol/api.ts'
import { DescribeQuorum } from '../transport/schemas/55-describe-quorum.ts'
import { frameReader } from '../transport/tcp/frames.ts'

const version = 2
const attemptMs = 2_000
const retryMs = 200
const answerBytesMax = 1024 * 1024

export type QuorumFinder = { ids(): readonly number[]; stop(): void }

/** Asks on until it knows an id or is stopped. */
export function findQuorum(
  servers: string[],
  { clock, log }: { clock: Clock; log: Logger },
): QuorumFinder {
  let ids: readonly number[] = []
  let stopped = servers.length === 0

  async function search(): Promise<void> {
    for (let attempt = 0; !stopped && ids.length === 0; attempt++) {
      const server = servers[attempt % servers.length]!
      try {
        ids = await askOnce(server)
      } catch (err) {
        if (attempt === 0) log.info({ server, err }, 'no controller answers here yet; trying on')
      }
      if (ids.length === 0) await new Promise<void>((done) => void clock.setTimeout(done, retryMs))
    }
    if (ids.length > 0) log.info({ ids }, 'controllers found')
  }
  void search()
  return {
    ids: () => ids,
    stop() {
      stopped = true
    },
  }
}

/** @throws the system's error, or that of a malformed answer */
function askOnce(server: string): Promise<number[]> {
  const at = server.lastIndexOf(':')
  const host = server.slice(0, at).replace(/^\[|\]$/g, '')
  const header = { correlationId: 1, clientId: 'samsa' }
  const topic = { topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }
  return new Promise((resolve, reject) => {
    const reader = frameReader(answerBytesMax)
    const socket = connect({ host, port: Number(server.slice(at + 1)), timeout: attemptMs })
    const settle = (act: () => void) => {
      socket.destroy()
      act()
    }
    socket.on('error', (why) => settle(() => reject(why)))
    socket.on('timeout', () => settle(() => reject(new Error(`${server} does not answer`))))
    socket.on('close', () => reject(new Error(`${server} closed the connection`)))
    socket.on('connect', () => {
      const request = encodeRequest(DescribeQuorum, version, header, { topics: [topic] })
      for (const chunk of framed(request)) socket.write(chunk)
    })
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk)
        const frame = reader.next()
        if (frame === undefined) return
        const answer = decodeResponse(DescribeQuorum, version, frame)
        settle(() => resolve(idsIn(answer)))
      } catch (why) {
        settle(() => reject(why))
      }
    })
  })
}

function idsIn({ topics }: Response<typeof DescribeQuorum>): number[] {
  const partitions = topics.flatMap((topic) => topic.partitions)
  const ids = partitions.flatMap(({ leaderId, currentVoters }) => [
    leaderId,
    ...currentVoters.map(({ replicaId }) => replicaId),
  ])
  return [...new Set(ids)].filter((id) => id >= 0)
}
