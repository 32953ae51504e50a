/**
 * A broker's side of changing configurations: a broker's own are changed through that broker alone, as
 * it would have to validate them; all else goes on to the active controller.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import type { AlterConfigs } from '../../transport/schemas/33-alter-configs.ts'
import { errorOf } from '../controller/cluster.ts'
import { resourceTypes } from '../metadata/apply.ts'
import type { Forwarder } from './forwarded.ts'

export type ConfigForwarder = Forwarder & { readonly nodeId: number }

export const ALTER_TIMEOUT_MS = 30_000

type Resource = Request<typeof AlterConfigs>['resources'][number]
type Named = Pick<Resource, 'resourceType' | 'resourceName'>
type Answer = Response<typeof AlterConfigs>

const isOfOther = ({ resourceType, resourceName }: Named, nodeId: number): boolean =>
  resourceTypes.get(resourceType) === 'broker' &&
  resourceName !== '' &&
  resourceName !== String(nodeId)

/** One error for every resource that was named. */
export const failedConfigs = (
  { resources }: { resources: readonly Named[] },
  error: ErrorName,
  message: string | null,
): Answer => ({
  throttleTimeMs: 0,
  responses: resources.map(({ resourceType, resourceName }) => ({
    resourceType,
    resourceName,
    ...errorOf(error, message),
  })),
})

/** @param forward sends what is left of the request; it is not asked when that is nothing */
export async function alterThrough<Q extends { resources: Named[] }>(
  request: Q,
  nodeId: number,
  forward: (rest: Q) => Promise<Answer>,
): Promise<Answer> {
  const others = request.resources.filter((resource) => isOfOther(resource, nodeId))
  if (others.length === 0) return forward(request)
  const refused = others.map(({ resourceType, resourceName }) => ({
    resourceType,
    resourceName,
    errorCode: errorCodes.INVALID_REQUEST,
    errorMessage: `this is broker ${nodeId}: ask broker ${resourceName} itself`,
  }))
  const resources = request.resources.filter((resource) => !isOfOther(resource, nodeId))
  if (resources.length === 0) return { throttleTimeMs: 0, responses: refused }
  const { throttleTimeMs, responses } = await forward({ ...request, resources })
  return { throttleTimeMs, responses: [...refused, ...responses] }
}
