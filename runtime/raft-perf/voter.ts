/** One voter of `samsa raft-perf`: the quorum replica of a controller and nothing else of a node. */
import { hostQuorum } from '../../actors/quorum/host.ts'
import type { NodeConfig } from '../config/config.ts'
import { checkFormatted } from '../format/check-formatted.ts'
import { silentLogger } from '../logging.ts'
import { type LinkTo, linkOf } from '../node-link.ts'
import { metadataLogConfig, quorumConfig } from '../quorum-config.ts'
import { openDirectories } from '../storage/directories.ts'
import { openQuorumStore } from '../storage/quorum-store.ts'
import { systemWorld } from '../world.ts'
import { createLoad, type Figures, type LoadPlan } from './load.ts'

export type PerfVoter = {
  /** What is measured starts now. */
  begin(): void
  /** Undefined while another voter leads. */
  figures(): Figures | undefined
  close(): Promise<void>
}

export type VoterOptions = {
  node: NodeConfig
  link: 'nats' | LinkTo
  plan: LoadPlan
  halt: (why: unknown) => void
}

export async function startVoter({ node, link, plan, halt }: VoterOptions): Promise<PerfVoter> {
  const { clock, disk, random } = systemWorld
  const log = silentLogger
  const { clusterId, metadataDirectoryId: directoryId } = checkFormatted(node, disk)
  const { logDirs, metadataLogDir, nodeId } = node
  const directories = openDirectories({ disk, logDirs, metadataLogDir, nodeId, clusterId })
  const endpoint = { nodeId, incarnationId: random.uuid() }
  const linked = await linkOf({ node, link, log }, clusterId, endpoint, clock, halt)
  const store = await openQuorumStore({ directories, clock, config: metadataLogConfig(node) })
  const quorum = hostQuorum({
    clusterId,
    self: { id: nodeId, directoryId },
    endpoints: node.listeners.advertisedController,
    store,
    log: store.log,
    link: linked,
    clock,
    random,
    logger: log,
    halt,
    config: quorumConfig(node),
  })
  const load = createLoad(quorum, clock, plan)
  quorum.listen(load)
  await linked.connect()
  await quorum.start()
  return {
    begin: load.begin,
    figures: load.figures,
    async close() {
      load.stop()
      await quorum.stop()
      await store.closeCleanly()
      directories.release()
      await linked.close()
    },
  }
}
