/**
 * DescribeCluster v0-2, answered by any node from its image (KIP-700, 919, 1073).
 *
 * - A broker listener lists brokers (endpoint type 1), a controller listener controllers (2); the
 *   other type is MISMATCHED_ENDPOINT_TYPE, an unknown one UNSUPPORTED_ENDPOINT_TYPE.
 * - Endpoints are those of the listener that was asked on; who has none there is left out.
 * - Brokers name a random live broker as controller, since clients cannot reach controllers; a
 *   controller names the active one.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, refuse } from '../../transport/protocol/errors.ts'
import { DescribeCluster } from '../../transport/schemas/60-describe-cluster.ts'
import type { ControllerHost } from '../controller/types.ts'
import type { BrokerEndpoint, MetadataImage } from '../metadata/image.ts'
import type { Random } from '../ports/random.ts'
import { handler } from './handler.ts'

type Asked = Request<typeof DescribeCluster>
type Answer = Response<typeof DescribeCluster>
type Node = Answer['brokers'][number]

type Broker = { readonly clusterId: string; readonly random: Random; image(): MetadataImage }

const versions = [0, 2] as const
const brokerType = 1
const controllerType = 2
const notAsked = -2_147_483_648
/** Without an authorizer everything that can be done to a cluster is allowed: bits by Kafka's codes. */
const allOperations = [5, 7, 8, 9, 10, 11, 12].reduce((bits, code) => bits | (1 << code), 0)

export const describeCluster = handler<typeof DescribeCluster, Broker>(
  DescribeCluster,
  versions,
  (request, { listenerName }, { clusterId, random, image }) => {
    checkType(request, brokerType)
    const shown = [...image().brokers().values()]
      .filter(({ fenced }) => request.includeFencedBrokers || !fenced)
      .sort((a, b) => a.id - b.id)
    const alive = shown.filter(({ fenced }) => !fenced)
    const brokers = shown.flatMap(({ id, rack, fenced, endpoints }) =>
      node(id, endpoints, listenerName, rack, fenced),
    )
    const controllerId = alive.length === 0 ? -1 : alive[random.below(alive.length)]!.id
    return answer(request, clusterId, controllerId, brokers)
  },
  failed,
)

export const describeClusterControllers = handler<typeof DescribeCluster, ControllerHost>(
  DescribeCluster,
  versions,
  (request, { listenerName }, { clusterId, image, activeControllerId }) => {
    checkType(request, controllerType)
    const brokers = [...image().controllers().values()]
      .sort((a, b) => a.id - b.id)
      .flatMap(({ id, endpoints }) => node(id, endpoints, listenerName, null, false))
    return answer(request, clusterId, activeControllerId(), brokers)
  },
  failed,
)

function checkType({ endpointType }: Asked, mine: number): void {
  if (endpointType === mine) return
  if (endpointType === brokerType || endpointType === controllerType) {
    refuse('MISMATCHED_ENDPOINT_TYPE', `this listener tells of endpoint type ${mine}`)
  }
  refuse('UNSUPPORTED_ENDPOINT_TYPE', `endpoint type ${endpointType} is unknown`)
}

function node(
  brokerId: number,
  endpoints: readonly BrokerEndpoint[],
  listenerName: string,
  rack: string | null,
  isFenced: boolean,
): Node[] {
  const endpoint = endpoints.find(({ name }) => name === listenerName)
  if (endpoint === undefined) return []
  return [{ brokerId, host: endpoint.host, port: endpoint.port, rack, isFenced }]
}

const answer = (
  { endpointType, includeClusterAuthorizedOperations }: Asked,
  clusterId: string,
  controllerId: number,
  brokers: Node[],
): Answer => ({
  throttleTimeMs: 0,
  errorCode: errorCodes.NONE,
  errorMessage: null,
  endpointType,
  clusterId,
  controllerId,
  brokers,
  clusterAuthorizedOperations: includeClusterAuthorizedOperations ? allOperations : notAsked,
})

function failed(_: Asked, error: ErrorName, errorMessage: string | null): Answer {
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes[error],
    errorMessage,
    endpointType: brokerType,
    clusterId: '',
    controllerId: -1,
    brokers: [],
    clusterAuthorizedOperations: notAsked,
  }
}
