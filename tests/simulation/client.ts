/** A Kafka client's connections: requests through our codec, answers by their correlation id. */
import {
  type Api,
  decodeResponse,
  encodeRequest,
  peekCorrelationId,
  type Request,
  type Response,
} from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { Metadata } from '../../transport/schemas/03-metadata.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import type { SeededRandom } from './random.ts'
import type { Machine } from './scheduler.ts'
import type { ClientSocket, SimSockets } from './sockets.ts'

/** No answer came: the outcome is unknown. */
export class NoAnswerError extends Error {
  constructor(why: string) {
    // Too frequent to look for where it comes from, which is a timer.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(why)
    Error.stackTraceLimit = stackTraceLimit
  }
}

type Waiting = {
  settle: (answer: Buffer) => void
  fail: (why: Error) => void
}

type Connection = {
  socket: ClientSocket
  waiting: Map<number, Waiting>
  isOpen: boolean
  end(why: string): void
}

export type Client = {
  readonly name: string
  readonly machine: Machine
  readonly random: SeededRandom
  request<A extends Api>(
    address: string,
    api: A,
    version: number,
    message: Request<A>,
    timeoutMs?: number,
  ): Promise<Response<A>>
  /** Without an answer. */
  tell<A extends Api>(address: string, api: A, version: number, message: Request<A>): void
  /** From whichever broker answers. */
  metadata(topics: string[]): Promise<Response<typeof Metadata>>
  addressOf(brokerId: number): string
  anyAddress(): string
  sleep(ms: number): Promise<void>
}

export type ClientPorts = {
  name: string
  sockets: SimSockets
  machine: Machine
  random: SeededRandom
  addresses: readonly string[]
}

const requestTimeoutMs = 10_000

export function createClient(ports: ClientPorts): Client {
  const { name, sockets, machine, random, addresses } = ports
  const connections = new Map<string, Connection>()
  let lastId = 0

  function connection(address: string): Connection {
    const known = connections.get(address)
    if (known !== undefined) return known
    const waiting = new Map<number, Waiting>()
    const end = (why: string) => {
      if (connections.get(address) !== made) return
      connections.delete(address)
      made.socket.close()
      for (const { fail } of waiting.values()) fail(new NoAnswerError(why))
      waiting.clear()
    }
    const made: Connection = {
      waiting,
      isOpen: false,
      end,
      socket: sockets.connect(address, {
        opened() {
          made.isOpen = true
        },
        frame(frame) {
          const id = peekCorrelationId(frame)
          const found = waiting.get(id)
          waiting.delete(id)
          found?.settle(frame)
        },
        closed: () => end('disconnected'),
      }),
    }
    connections.set(address, made)
    return made
  }

  function request<A extends Api>(
    address: string,
    api: A,
    version: number,
    message: Request<A>,
    timeoutMs = requestTimeoutMs,
  ): Promise<Response<A>> {
    const at = connection(address)
    const correlationId = ++lastId
    const frame = Buffer.concat(
      encodeRequest(api, version, { correlationId, clientId: name }, message),
    )
    return new Promise<Response<A>>((resolve, reject) => {
      const timer = machine.setTimeout(() => at.end('timed out'), timeoutMs)
      at.waiting.set(correlationId, {
        settle(answer) {
          machine.clearTimeout(timer)
          resolve(decodeResponse(api, version, answer))
        },
        fail(why) {
          machine.clearTimeout(timer)
          reject(why)
        },
      })
      at.socket.send(frame)
    })
  }

  const client: Client = {
    name,
    machine,
    random,
    request,
    tell(address, api, version, message) {
      const header = { correlationId: ++lastId, clientId: name }
      const frame = Buffer.concat(encodeRequest(api, version, header, message))
      connection(address).socket.send(frame)
    },
    anyAddress: () => random.pick(addresses),
    addressOf: (brokerId) => addresses[brokerId - 1]!,
    sleep: (ms) => new Promise<void>((done) => void machine.setTimeout(done, ms)),
    metadata: (topics) =>
      request(
        client.anyAddress(),
        Metadata,
        12,
        {
          topics: topics.map((topic) => ({ topicId: NO_TOPIC_ID, name: topic })),
          allowAutoTopicCreation: false,
          includeClusterAuthorizedOperations: false,
          includeTopicAuthorizedOperations: false,
        },
        3_000,
      ),
  }
  return client
}

export const NO_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

export type NewTopic = {
  name: string
  partitions: number
  replicationFactor: number
  configs: Record<string, string>
  /** Of each partition; absent: the controller places them. */
  replicas?: number[][]
}

/** Asks until the topic is there. @returns false when it is not by then */
export async function createTopic(
  client: Client,
  { name, partitions, replicationFactor, configs, replicas = [] }: NewTopic,
  deadlineMs: number,
): Promise<boolean> {
  const until = client.machine.monotonic() + deadlineMs
  while (client.machine.monotonic() < until) {
    try {
      const { topics } = await client.request(client.anyAddress(), CreateTopics, 7, {
        topics: [
          {
            name,
            numPartitions: replicas.length > 0 ? -1 : partitions,
            replicationFactor,
            assignments: replicas.map((brokerIds, partitionIndex) => ({
              partitionIndex,
              brokerIds,
            })),
            configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
          },
        ],
        timeoutMs: 5_000,
        validateOnly: false,
      })
      const code = topics[0]?.errorCode
      if (code === errorCodes.NONE || code === errorCodes.TOPIC_ALREADY_EXISTS) return true
    } catch (why) {
      if (!(why instanceof NoAnswerError)) throw why
    }
    await client.sleep(200)
  }
  return false
}
