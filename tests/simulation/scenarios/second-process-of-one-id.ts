import type { Api, Request, Response } from '../../../transport/protocol/api.ts'
import { errorCodes } from '../../../transport/protocol/errors.ts'
import { AlterPartition } from '../../../transport/schemas/56-alter-partition.ts'
import { BrokerRegistration } from '../../../transport/schemas/62-broker-registration.ts'
import { BrokerHeartbeat } from '../../../transport/schemas/63-broker-heartbeat.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'N6, M5: a second process of a broker’s id, with directories of its own, asks to be registered while ' +
    'the first one lives: it is refused, as is what a former incarnation still asks for.',
  script: quietScript(89, { controllers: 3, replicas: [1, 2, 3] }),
  async play(stage) {
    const { cluster } = stage
    const [first, speaker] = [cluster.node(1), cluster.node(2)]
    const known = () => cluster.newestImage()!.brokers().get(first.id)!
    const ask = <A extends Api>(api: A, version: number, request: Request<A>) => {
      const { controller } = speaker.parts!.broker!.host
      const asked: Promise<Response<A>> = controller.call(api, version, request, 5_000)
      return stage.within(6_000, `${api.name} is answered`, asked)
    }
    const register = async (): Promise<number> => {
      const { endpoints, features } = known()
      const { errorCode } = await ask(BrokerRegistration, 4, {
        brokerId: first.id,
        clusterId: cluster.clusterId,
        incarnationId: stage.random.uuid(),
        listeners: endpoints.map((endpoint) => ({ ...endpoint })),
        features: features.map(({ name, min, max }) => ({
          name,
          minSupportedVersion: min,
          maxSupportedVersion: max,
        })),
        rack: null,
        isMigratingZkBroker: false,
        logDirs: [stage.random.uuid()],
        previousBrokerEpoch: -1,
      })
      return errorCode
    }
    const former = known().epoch
    for (let turn = 0; turn < 5; turn++) {
      const error = await register()
      const isRefused = error === errorCodes.DUPLICATE_BROKER_REGISTRATION
      stage.require(isRefused, 'a second one is refused while the first lives', { turn, error })
      await stage.pass(4_000)
    }
    stage.require(stage.isUnfenced(first), 'the first one goes on')
    stage.act({ do: 'kill', node: first.id, forMs: 500 })
    await stage.pass(1_000)
    await stage.until('scenario', 'it is back', 12_000, () => stage.isUnfenced(first))
    const { errorCode } = await ask(BrokerHeartbeat, 1, {
      brokerId: first.id,
      brokerEpoch: former,
      currentMetadataOffset: known().epoch,
      wantFence: false,
      wantShutDown: true,
      offlineLogDirs: [],
      cordonedLogDirs: null,
    })
    const stale = errorCodes.STALE_BROKER_EPOCH
    stage.require(errorCode === stale, 'a beat of its former life is refused', { errorCode })
    const altered = await ask(AlterPartition, 3, {
      brokerId: first.id,
      brokerEpoch: former,
      topics: [],
    })
    stage.require(altered.errorCode === stale, 'and so is a change of an ISR', altered)
    await stage.pass(15_000)
    stage.require(stage.isUnfenced(first), 'it goes on')
  },
}
