/**
 * The NATS subjects of a cluster; no other file spells one.
 *
 * A node subscribes only below `samsa.<clusterId>.node.<nodeId>`, so that a server's permissions can
 * keep it from answering for another. Control and bulk have inboxes of their own, since they come
 * in over different connections.
 */
import type { Lane } from './links/link.ts'

const nodeRoot = (clusterId: string, nodeId: number): string =>
  `samsa.${token(clusterId)}.node.${nodeId}`

/** Where a node is asked: one subject per api; `Fetch.metadata` is the quorum's, `Fetch` the partitions'. */
export const inbox = (clusterId: string, nodeId: number, api: string, lane: Lane): string => {
  const name = api.split('.').map(token).join('.')
  return lane === 'control'
    ? `${nodeRoot(clusterId, nodeId)}.${name}`
    : `${nodeRoot(clusterId, nodeId)}.bulk.${name}`
}

/** Where one incarnation of a node shows that it lives. */
export const alive = (clusterId: string, nodeId: number, incarnationId: string): string =>
  `${nodeRoot(clusterId, nodeId)}.alive.${token(incarnationId)}`

/** Below this (one token more) one incarnation hears answers and what concerns their transfer. */
export const answers = (
  clusterId: string,
  nodeId: number,
  incarnationId: string,
  lane: Lane,
): string => `${nodeRoot(clusterId, nodeId)}.answers.${token(incarnationId)}.${lane}`

function token(text: string): string {
  if (!/^[\w=-]+$/.test(text)) throw new Error(`'${text}' cannot be part of a NATS subject`)
  return text
}
