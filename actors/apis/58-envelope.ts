/**
 * Envelope v0, answered by the active controller: a request that a broker forwards, decided as its
 * client asked for it, with the client's principal and address (KIP-590).
 *
 * - NOT_CONTROLLER is the envelope's own error, also when leadership is lost underway: the broker
 *   looks for the controller again and sends the request once more.
 * - An api that brokers do not forward is INVALID_REQUEST, a version that is not offered
 *   UNSUPPORTED_VERSION; the client hears of it from the broker.
 */
import type { Api, Response } from '../../transport/protocol/api.ts'
import {
  decodeRequest,
  encodeResponse,
  type PeekedHeader,
  peekRequestHeader,
} from '../../transport/protocol/api.ts'
import { errorCodes, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { decodeRecord } from '../../transport/protocol/record.ts'
import { Envelope } from '../../transport/schemas/58-envelope.ts'
import { DefaultPrincipalData } from '../../transport/schemas/records/principal.ts'
import type { Controller } from '../controller/controller.ts'
import type { ControllerHost } from '../controller/types.ts'
import { type Asker, type Handler, handler } from './handler.ts'

const versionBytes = 2

/** @param forwardable what may be inside, by api key */
export const envelope = (forwardable: () => ReadonlyMap<number, Handler<ControllerHost>>) =>
  handler<typeof Envelope, ControllerHost>(
    Envelope,
    [0, 0],
    async ({ requestData, requestPrincipal, clientHostAddress }, outer, host) => {
      if (!host.controller.isActive()) {
        refuse('NOT_CONTROLLER', 'another node is the active controller')
      }
      const header = peekRequestHeader(requestData)
      const inner = forwardable().get(header.apiKey)
      if (inner === undefined) {
        return refuse('INVALID_REQUEST', `api ${header.apiKey} is not forwarded`)
      }
      const { apiVersion: version, correlationId, clientId } = header
      const [lowest, highest] = inner.versions
      if (version < lowest || version > highest) {
        refuse('UNSUPPORTED_VERSION', `${inner.api.name} v${version} is not offered`)
      }
      const asker: Asker = {
        ...outer,
        apiVersion: version,
        correlationId,
        clientId,
        principal: principalOf(requestPrincipal),
        clientAddress: addressOf(clientHostAddress),
        forwarded: true,
      }
      return { responseData: await decided(inner, header, requestData, asker, host), errorCode: 0 }
    },
    (_, error): Response<typeof Envelope> => ({
      responseData: null,
      errorCode: errorCodes[error],
    }),
  )

async function decided(
  inner: Handler<ControllerHost>,
  header: PeekedHeader,
  requestData: Buffer,
  asker: Asker,
  host: ControllerHost,
): Promise<Buffer> {
  const request = decodeRequest(inner.api, header, requestData)
  const watched = watching(host.controller)
  const answer = await inner.answer(
    request,
    asker,
    { ...host, controller: watched.controller },
    host.log,
  )
  // Whether it took effect is unknown; the broker asks the next controller, as for any lost answer.
  const isElsewhere =
    (answer as { errorCode?: number } | undefined)?.errorCode === errorCodes.NOT_CONTROLLER
  if (watched.isDeposed() || isElsewhere) refuse('NOT_CONTROLLER', 'leadership was lost; ask again')
  const { api } = inner
  const response = answer as Response<Api>
  return Buffer.concat(encodeResponse(api, header.apiVersion, header.correlationId, response))
}

/** Notices a refusal that the inner api can only tell inside its own answer. */
function watching(controller: Controller) {
  let deposed = false
  const noticing = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      if (error instanceof KafkaError && error.code === 'NOT_CONTROLLER') deposed = true
      throw error
    }
  }
  return {
    isDeposed: () => deposed,
    controller: {
      ...controller,
      write: (decide) => noticing(controller.write(decide)),
      writeCut: (decide) => noticing(controller.writeCut(decide)),
    } satisfies Controller as Controller,
  }
}

/** As Kafka's default principal serde writes it: behind its version. */
function principalOf(bytes: Buffer | null): string {
  if (bytes === null || bytes.length < versionBytes) {
    return refuse('PRINCIPAL_DESERIALIZATION_FAILURE', 'an envelope names who asks')
  }
  const { type, name } = decodeRecord(
    DefaultPrincipalData,
    bytes.readInt16BE(0),
    bytes,
    versionBytes,
  )
  return `${type}:${name}`
}

/** As Kafka prints a host: `/127.0.0.1`, `/0:0:0:0:0:0:0:1`. */
function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return `/${[...bytes].join('.')}`
  if (bytes.length !== 16) return refuse('INVALID_REQUEST', 'an address has 4 or 16 bytes')
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16))
  return `/${groups.join(':')}`
}
