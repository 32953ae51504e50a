/**
 * One controller on a quorum of paper: it commits at once, when told to, or never, and leadership is
 * given and taken by the test.
 */
import * as assert from 'uvu/assert'
import type { Asker, Handler } from '../../actors/apis/handler.ts'
import { layeredConfig } from '../../actors/config/layered-config.ts'
import { hostController } from '../../actors/controller/controller.ts'
import { controllerTable } from '../../actors/controller/table.ts'
import type { ControllerHost } from '../../actors/controller/types.ts'
import type { Logger } from '../../actors/log.ts'
import { createImage, type MutableImage } from '../../actors/metadata/create-image.ts'
import { createReplay } from '../../actors/metadata/replay.ts'
import type { Random } from '../../actors/ports/random.ts'
import {
  type CommittedBatch,
  type LeaderAndEpoch,
  NotLeaderError,
  type Quorum,
  type QuorumListener,
} from '../../actors/quorum/types.ts'
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { BrokerRegistration } from '../../transport/schemas/62-broker-registration.ts'
import { BrokerHeartbeat } from '../../transport/schemas/63-broker-heartbeat.ts'
import { type FakeClock, fakeClock } from '../support/clock.ts'

export const selfId = 1

export type PaperQuorum = Quorum & {
  /** Every batch that was appended and not lost, control batches included. */
  readonly batches: CommittedBatch[]
  commits: 'at once' | 'when told'
  /** As a candidate a node hears of its epoch before it leads it, unless its listeners lag. */
  lead(epoch: number, hears?: 'of its epoch' | 'of its leadership'): Promise<void>
  commit(): Promise<void>
  /** Another node leads, or none; what was not committed is lost, or was committed all the same. */
  depose(lost: 'lost' | 'kept', by?: LeaderAndEpoch): Promise<void>
}

export function paperQuorum(clock: FakeClock): PaperQuorum {
  const batches: CommittedBatch[] = []
  const listeners: QuorumListener[] = []
  let told = 0
  let leader = { leaderId: -1, epoch: 0 }
  let waiters: { offset: number; resolve: () => void; reject: (why: unknown) => void }[] = []
  const endOffset = () => (batches.at(-1)?.lastOffset ?? -1) + 1

  function push(epoch: number, records: MetadataRecord[], offsets: number): number {
    const baseOffset = endOffset()
    const lastOffset = baseOffset + offsets - 1
    const appendTimestampMs = clock.now()
    batches.push({ baseOffset, lastOffset, epoch, appendTimestampMs, sizeBytes: 1, records })
    return lastOffset
  }

  async function commit(): Promise<void> {
    while (told < batches.length) {
      const batch = batches[told++]!
      for (const listener of listeners) listener.handleCommit(batch)
    }
    const committed = endOffset()
    for (const { offset, resolve } of waiters) if (offset < committed) resolve()
    waiters = waiters.filter(({ offset }) => offset >= committed)
    await settle()
  }

  const of: PaperQuorum = {
    batches,
    commits: 'at once',
    clusterId: 'cluster',
    self: { id: selfId, directoryId: 'dir' },
    async start() {},
    async stop() {},
    listen: (listener) => listeners.push(listener),
    leaderAndEpoch: () => leader,
    highWatermark: () => (told === 0 ? 0 : batches[told - 1]!.lastOffset + 1),
    endOffset,
    voters: () => [],
    leaderEndpoint: () => null,
    append(epoch, records) {
      if (leader.leaderId !== selfId || leader.epoch !== epoch) throw new NotLeaderError('not led')
      const last = push(epoch, records, records.length)
      if (of.commits === 'at once') void Promise.resolve().then(commit)
      return last
    },
    committed(offset) {
      if (told > 0 && offset <= batches[told - 1]!.lastOffset) return Promise.resolve()
      if (batches.length === 0) return Promise.resolve()
      return new Promise((resolve, reject) => waiters.push({ offset, resolve, reject }))
    },
    resign: () => void of.depose('lost'),
    writeSnapshot: async () => undefined,
    sinceSnapshot: () => ({ bytes: 0, ms: 0 }),
    async lead(epoch, hears = 'of its epoch') {
      await commit()
      if (hears === 'of its epoch') {
        for (const listener of listeners) listener.handleLeaderChange({ leaderId: -1, epoch })
      }
      leader = { leaderId: selfId, epoch }
      push(epoch, [], 1)
      for (const listener of listeners) listener.handleLeaderChange(leader)
      await settle()
    },
    commit,
    async depose(lost, by = { leaderId: 2, epoch: leader.epoch + 1 }) {
      leader = by
      const open = waiters
      waiters = []
      if (lost === 'lost') batches.length = told
      for (const listener of listeners) listener.handleLeaderChange(leader)
      for (const { reject } of open) reject(new NotLeaderError('deposed'))
      await settle()
      if (leader.leaderId >= 0) push(leader.epoch, [], 1)
      await commit()
    },
  }
  return of
}

export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await null
}

/** Small numbers in a row, whatever is asked for. */
export function countingRandom(): Random {
  let n = 0
  return {
    next: () => (n++ % 7) / 7,
    below: (bound) => n++ % bound,
    uuid: () => `u${n++}`.padEnd(22, 'A'),
  }
}

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
}

export const bootstrapRecords: MetadataRecord[] = [
  { type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 30 },
]

export function world(properties: Record<string, string> = {}) {
  const clock = fakeClock()
  const quorum = paperQuorum(clock)
  const config = layeredConfig(
    new Map(
      Object.entries({
        'node.id': '1',
        'metadata.max.idle.interval.ms': '0',
        'auto.leader.rebalance.enable': 'false',
        ...properties,
      }),
    ),
  )
  const faults: unknown[] = []
  const controller = hostController({
    quorum,
    nodeId: selfId,
    clock,
    random: countingRandom(),
    config,
    log: silent,
    halt: (why) => faults.push(why),
    bootstrapRecords,
  })
  /** What any other node would make of the log. */
  let committed: MutableImage = createImage()
  let replay = createReplay(committed)
  quorum.listen(controller)
  quorum.listen({
    handleCommit: (batch) => replay.apply(batch),
    handleLoadSnapshot() {
      committed = createImage()
      replay = createReplay(committed)
    },
    handleLeaderChange() {},
  })
  const host = {
    nodeId: selfId,
    clusterId: 'cluster',
    config,
    log: silent,
    controller,
    image: () => committed,
    activeControllerId: () => quorum.leaderAndEpoch().leaderId,
    supportedFeatures: () => [],
    finalizedFeatures: () => ({ epoch: -1, features: [] }),
    quorum: undefined as unknown as ControllerHost['quorum'],
  } satisfies ControllerHost
  const asker: Asker = {
    apiVersion: 0,
    correlationId: 7,
    clientId: 'test',
    principal: 'User:ANONYMOUS',
    clientAddress: '/127.0.0.1',
    listenerName: 'CONTROLLER',
    connectionId: 'test',
  }

  /** In the newest version that is offered, unless another is asked for. */
  function ask<A extends Api>(api: A, request: Request<A>, version?: number): Promise<Response<A>> {
    const handler = controllerTable.get(api.key) as Handler<ControllerHost>
    const apiVersion = version ?? handler.versions[1]
    const answer = handler.answer(request, { ...asker, apiVersion }, host, silent)
    return Promise.resolve(answer) as Promise<Response<A>>
  }

  const register = async (
    brokerId: number,
    more: Partial<Request<typeof BrokerRegistration>> = {},
  ) => {
    const answer = await ask(BrokerRegistration, registration(brokerId, more))
    return { error: errorName(answer.errorCode), epoch: answer.brokerEpoch }
  }

  const beat = (
    brokerId: number,
    brokerEpoch: number,
    more: Partial<Request<typeof BrokerHeartbeat>> = {},
  ) =>
    ask(BrokerHeartbeat, {
      brokerId,
      brokerEpoch,
      currentMetadataOffset: quorum.endOffset(),
      wantFence: false,
      wantShutDown: false,
      offlineLogDirs: [],
      cordonedLogDirs: null,
      ...more,
    })

  /** Registers brokers and has them unfenced. */
  async function brokers(...ids: number[]): Promise<Map<number, number>> {
    const epochs = new Map<number, number>()
    for (const id of ids) {
      const { error, epoch } = await register(id)
      assert.is(error, 'NONE')
      epochs.set(id, epoch)
      const answer = await beat(id, epoch)
      assert.is(answer.isFenced, false)
    }
    return epochs
  }

  /** Lets time pass while these brokers beat. */
  async function live(ms: number, epochs: ReadonlyMap<number, number>): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) {
      await clock.advance(Math.min(1_000, left))
      for (const [id, epoch] of epochs) await beat(id, epoch)
    }
  }

  const records = () => quorum.batches.flatMap((batch) => batch.records)
  return {
    clock,
    quorum,
    controller,
    faults,
    host,
    asker,
    ask,
    register,
    beat,
    brokers,
    live,
    records,
    committed: () => committed,
  }
}

export type World = ReturnType<typeof world>

/** Leads in epoch 1, with the bootstrap records committed. */
export async function active(properties: Record<string, string> = {}): Promise<World> {
  const it = world(properties)
  await it.quorum.lead(1)
  await settle()
  return it
}

export const registration = (
  brokerId: number,
  more: Partial<Request<typeof BrokerRegistration>> = {},
): Request<typeof BrokerRegistration> => ({
  brokerId,
  clusterId: 'cluster',
  incarnationId: `incarnation${brokerId}`.padEnd(22, 'A'),
  listeners: [{ name: 'PLAINTEXT', host: 'localhost', port: 9092, securityProtocol: 0 }],
  features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 30 }],
  rack: null,
  isMigratingZkBroker: false,
  logDirs: [`directory${brokerId}`.padEnd(22, 'A')],
  previousBrokerEpoch: -1,
  ...more,
})

export const incarnation = (name: string): string => name.padEnd(22, 'A')
