/**
 * A controller makes itself known: incarnation, endpoints and feature ranges go to the active
 * controller, until the image shows them (KIP-919). Tools find controllers by it.
 */
import type { Request } from '../../transport/protocol/api.ts'
import { errorCodes, errorName } from '../../transport/protocol/errors.ts'
import { ControllerRegistration } from '../../transport/schemas/70-controller-registration.ts'
import type { Timer } from '../../transport/timers.ts'
import type { ControllerChannel } from '../broker/types.ts'
import type { Logger } from '../log.ts'
import type { MetadataListener } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'

const requestTimeoutMs = 30_000
const retryMs = 1_000
const offeredVersion = 0

export type SelfRegistration = {
  /** With each published image. */
  onMetadata: MetadataListener
  stop(): void
}

export function registerSelf(of: {
  channel: Pick<ControllerChannel, 'call'>
  clock: Clock
  log: Logger
  registration: Omit<Request<typeof ControllerRegistration>, 'zkMigrationReady'>
}): SelfRegistration {
  const { channel, clock, log, registration } = of
  const { controllerId, incarnationId } = registration
  /** done: it was accepted once; another process with this id is not argued with. */
  let state: 'idle' | 'asking' | 'done' | 'stopped' = 'idle'
  let timer: Timer | undefined

  async function ask(): Promise<void> {
    state = 'asking'
    let why = 'NONE'
    try {
      const request = { ...registration, zkMigrationReady: false }
      const answer = await channel.call(
        ControllerRegistration,
        offeredVersion,
        request,
        requestTimeoutMs,
      )
      if (answer.errorCode !== errorCodes.NONE) {
        why = `${errorName(answer.errorCode)}: ${answer.errorMessage}`
      }
    } catch (error) {
      why = error instanceof Error ? error.message : String(error)
    }
    // `stop` may have come while it waited.
    if ((state as string) === 'stopped') return
    if (why === 'NONE') {
      state = 'done'
      log.info({ controllerId, incarnationId }, 'controller registered')
      return
    }
    log.warn({ controllerId, why }, 'controller not registered yet')
    timer = clock.setTimeout(() => void ask(), retryMs)
  }

  return {
    onMetadata(image) {
      if (state !== 'idle') return
      // Before the bootstrap records there is nothing to hold our features against.
      if (!image.features().has('metadata.version')) return
      if (image.controllers().get(controllerId)?.incarnationId === incarnationId) state = 'done'
      else void ask()
    },
    stop() {
      state = 'stopped'
      if (timer !== undefined) clock.clearTimeout(timer)
    },
  }
}
