/**
 * Before clients are told who leads: has the process of one of those leaders just ended? Then its
 * successor is awaited for a while. A client that asks because its connection broke, and is told
 * of the dead leader again, asks next a second later (librdkafka's scan of its topics).
 *
 * Nothing is decided here, and nothing is said that the metadata log does not say: who is only
 * silent, or cannot be judged, is told of at once.
 */
import type { Endpoint, Link } from '../../transport/links/link.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'

type Ports = { link: Pick<Link, 'self' | 'probe'>; clock: Clock; image(): MetadataImage }

/** @returns a promise when there is somebody to ask after; it never rejects */
export type Succession = (leaders: Iterable<number>) => Promise<unknown> | undefined

const probeTimeoutMs = 20
const pollMs = 10
/** Longer than a probe's grace and an election take. */
const patienceMs = 1_000
/** The first leaders of an answer are asked after, no more. */
const leadersMax = 16

export function createSuccession({ link, clock, image }: Ports): Succession {
  /** Incarnation → those who wait for its fate wait together. */
  const waiting = new Map<string, Promise<void>>()

  const leading = (nodeId: number): Endpoint | undefined => {
    const broker = image().brokers().get(nodeId)
    if (broker === undefined || broker.fenced || nodeId === link.self.nodeId) return undefined
    return { nodeId, incarnationId: broker.incarnationId }
  }
  const stillLeads = ({ nodeId, incarnationId }: Endpoint): boolean =>
    leading(nodeId)?.incarnationId === incarnationId

  /** Its own connections close one after the other: what it was asked last may end in silence. */
  async function isGone(target: Endpoint): Promise<boolean> {
    const verdict = await link.probe(target, probeTimeoutMs)
    const last = verdict === 'silent' ? await link.probe(target, probeTimeoutMs) : verdict
    return last === 'noResponders'
  }

  async function fateOf(target: Endpoint): Promise<void> {
    const deadline = clock.monotonic() + patienceMs
    while (stillLeads(target) && clock.monotonic() < deadline && (await isGone(target))) {
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, pollMs))
    }
  }

  function settled(target: Endpoint): Promise<void> {
    const { incarnationId } = target
    const already = waiting.get(incarnationId)
    if (already !== undefined) return already
    const fate = fateOf(target).finally(() => waiting.delete(incarnationId))
    waiting.set(incarnationId, fate)
    return fate
  }

  return (leaders) => {
    const targets: Endpoint[] = []
    for (const nodeId of new Set(leaders)) {
      const target = leading(nodeId)
      if (target !== undefined && targets.length < leadersMax) targets.push(target)
    }
    return targets.length === 0 ? undefined : Promise.all(targets.map(settled))
  }
}
