/**
 * IncrementalAlterConfigs v0-1, decided by the active controller, forwarded by brokers (KIP-339).
 *
 * - Sets, deletes, appends to and subtracts from single configurations; a resource is changed as a
 *   whole or not at all.
 * - Allowing unclean elections elects for the partitions that wait for one, before the answer.
 * - Loggers are not configured here.
 */
import { IncrementalAlterConfigs } from '../../transport/schemas/44-incremental-alter-configs.ts'
import { incrementalAlterConfigs as decide } from '../controller/configs.ts'
import type { Controller } from '../controller/controller.ts'
import { uncleanRecords } from '../controller/elections.ts'
import type { ControllerHost } from '../controller/types.ts'
import {
  ALTER_TIMEOUT_MS,
  alterThrough,
  type ConfigForwarder,
  failedConfigs,
} from './forwarded-configs.ts'
import { handler } from './handler.ts'

const versions = [0, 1] as const

export const incrementalAlterConfigs = handler<typeof IncrementalAlterConfigs, ControllerHost>(
  IncrementalAlterConfigs,
  versions,
  async (request, _, { controller }) => {
    const responses = await controller.write((cluster) => decide(cluster, request))
    await electWhereNowAllowed(controller, request)
    return { throttleTimeMs: 0, responses }
  },
  failedConfigs,
)

export const forwardIncrementalAlterConfigs = handler<
  typeof IncrementalAlterConfigs,
  ConfigForwarder
>(
  IncrementalAlterConfigs,
  versions,
  (request, asker, { nodeId, controller }) =>
    alterThrough(request, nodeId, (rest) =>
      controller.forward(IncrementalAlterConfigs, rest, asker, ALTER_TIMEOUT_MS),
    ),
  failedConfigs,
)

const uncleanElection = 'unclean.leader.election.enable'

/** Partitions that only an unclean election can help need not wait for the periodic one. */
export async function electWhereNowAllowed(
  controller: Controller,
  { resources, validateOnly }: { resources: Named[]; validateOnly: boolean },
): Promise<void> {
  const touched = resources.some(({ configs }) =>
    configs.some(({ name }) => name === uncleanElection),
  )
  if (validateOnly || !touched) return
  await controller.writeCut((cluster) => ({
    records: uncleanRecords(cluster),
    answer: undefined,
  }))
}

type Named = { configs: { name: string }[] }
