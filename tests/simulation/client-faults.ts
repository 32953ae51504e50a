/**
 * Clients that behave as no good one does: a thousand requests at once, answers that are not read (a peer
 * that is half gone looks the same), requests that come a byte at a time or never whole, connections that
 * break amid their answers, and far too many of them. What is answered comes in the order of the
 * requests (W3).
 */
import { encodeRequest } from '../../transport/protocol/api.ts'
import { Metadata } from '../../transport/schemas/03-metadata.ts'
import { ApiVersions } from '../../transport/schemas/18-api-versions.ts'
import { InitProducerId } from '../../transport/schemas/22-init-producer-id.ts'
import type { SimNode } from './cluster.ts'
import type { FaultPorts, Performed } from './faults.ts'
import type { Target } from './script.ts'
import { writeSlowly } from './slow-writers.ts'
import type { ClientSocket, SimSockets } from './sockets.ts'
import { Violation } from './violation.ts'

export const clientFaultNames = [
  'pipelined',
  'slowReader',
  'slowWriter',
  'midAnswer',
  'flood',
] as const
export type ClientFaultName = (typeof clientFaultNames)[number]

export type ClientFaultPorts = FaultPorts & {
  find(target: Target): SimNode | undefined
  lasting(ms: number, end: () => void): true
}

const pipelinedCount = 1_000
const unreadCount = 200
const amidCount = 50
const floodCount = 200

const header = (correlationId: number) => ({ correlationId, clientId: 'many' })

/** Long answers and short ones, and some that another node has to be asked for. */
function frameOf(id: number): Buffer {
  if (id % 50 === 0) {
    const producer = { producerId: -1, producerEpoch: -1 }
    const none = { transactionalId: null, transactionTimeoutMs: 0 }
    const request = { ...none, ...producer, enable2Pc: false, keepPreparedTxn: false }
    return Buffer.concat(encodeRequest(InitProducerId, 4, header(id), request))
  }
  return Buffer.concat(
    id % 3 === 0
      ? encodeRequest(Metadata, 12, header(id), {
          topics: null,
          allowAutoTopicCreation: false,
          includeClusterAuthorizedOperations: false,
          includeTopicAuthorizedOperations: false,
        })
      : encodeRequest(ApiVersions, 0, header(id), {
          clientSoftwareName: '',
          clientSoftwareVersion: '',
        }),
  )
}

type Asking = { count: number; sockets: SimSockets; fail: (why: Violation) => void }

/** @param opened once all is asked */
function askMany(
  address: string,
  { count, sockets, fail }: Asking,
  opened: (socket: ClientSocket) => void = () => {},
): ClientSocket {
  let answered = 0
  const socket = sockets.connect(address, {
    opened() {
      for (let id = 1; id <= count; id++) socket.send(frameOf(id))
      opened(socket)
    },
    frame(frame) {
      const found = frame.readInt32BE(0)
      if (found !== ++answered) {
        const details = { address, expected: answered, found }
        fail(new Violation('W3', 'answers come in the order of their requests', details))
      }
      if (answered === count) socket.close()
    },
    closed() {},
    // What comes behind a gap is in no order.
    lost: () => socket.close(),
  })
  return socket
}

export function createClientFaults(ports: ClientFaultPorts): Pick<Performed, ClientFaultName> {
  const { cluster, scheduler, find, lasting, fail } = ports
  const { sockets } = cluster
  const asking = (count: number): Asking => ({ count, sockets, fail })
  const addressOf = (target: Target): string | undefined => {
    const node = find(target)
    return node?.isBroker === true ? node.address : undefined
  }

  return {
    pipelined({ node, forMs }) {
      const address = addressOf(node)
      if (address === undefined) return false
      const socket = askMany(address, asking(pipelinedCount))
      return lasting(forMs, socket.close)
    },
    // In the end it reads all the same: what waited is whole, and in order.
    slowReader({ node, forMs }) {
      const address = addressOf(node)
      if (address === undefined) return false
      const socket = askMany(address, asking(unreadCount))
      socket.read(false)
      return lasting(forMs, () => {
        socket.read(true)
        lasting(forMs, socket.close)
      })
    },
    slowWriter({ node: target, forMs }) {
      const node = find(target)
      if (node?.isBroker !== true) return false
      return lasting(forMs, writeSlowly(node, forMs, { sockets, scheduler, fail }))
    },
    midAnswer({ node, forMs }) {
      const address = addressOf(node)
      if (address === undefined) return false
      const once = (left: number): void => {
        askMany(address, asking(amidCount), (socket) => {
          scheduler.after(forMs, () => {
            socket.close()
            if (left > 1) once(left - 1)
          })
        })
      }
      once(10)
      return true
    },
    // Half of them say something; as many come again once these are gone.
    flood({ node, forMs }) {
      const address = addressOf(node)
      if (address === undefined) return false
      const open = () =>
        Array.from({ length: floodCount }, (_, index) => askMany(address, asking(index % 2)))
      let held = open()
      const end = () => {
        for (const socket of held) socket.close()
        held = []
      }
      return lasting(forMs / 2, () => {
        end()
        held = open()
        lasting(forMs / 2, end)
      })
    },
  }
}
