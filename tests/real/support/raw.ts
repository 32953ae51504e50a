/** A client that speaks through our own codec, and breaks the rules where a scenario wants it to. */
import { connect, type Socket } from 'node:net'
import {
  type Api,
  decodeResponse,
  encodeRequest,
  framed,
  peekCorrelationId,
  type Request,
  type Response,
} from '../../../transport/protocol/api.ts'

export type RawClient = {
  socket: Socket
  /** Answers by arrival. */
  readonly order: number[]
  send<A extends Api>(api: A, version: number, request: Request<A>): Promise<Response<A>>
  /** Resolves when the peer has closed. */
  closed: Promise<void>
}

export function dialRaw(address: string): Promise<RawClient> {
  const [host, port] = address.split(':')
  const open = new Map<number, (frame: Buffer) => void>()
  const order: number[] = []
  let buffered = Buffer.alloc(0)
  let correlationId = 0
  const socket = connect(Number(port), host)
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk])
    while (buffered.length >= 4 && buffered.length >= 4 + buffered.readInt32BE(0)) {
      const end = 4 + buffered.readInt32BE(0)
      const frame = buffered.subarray(4, end)
      buffered = buffered.subarray(end)
      const id = peekCorrelationId(frame)
      order.push(id)
      open.get(id)?.(frame)
      open.delete(id)
    }
  })
  const client: RawClient = {
    socket,
    order,
    closed,
    send<A extends Api>(api: A, version: number, request: Request<A>) {
      const id = correlationId++
      const header = { correlationId: id, clientId: 'raw' }
      return new Promise<Response<A>>((resolve, reject) => {
        open.set(id, (frame) => {
          try {
            resolve(decodeResponse(api, version, frame) as Response<A>)
          } catch (why) {
            reject(why)
          }
        })
        closed.then(() => reject(new Error('the connection was closed')))
        socket.write(Buffer.concat(framed(encodeRequest(api, version, header, request))))
      })
    },
  }
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(client))
    socket.on('error', reject)
  })
}
