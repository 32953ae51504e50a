/**
 * Clients that go on with what is over: producers and members of groups that others have replaced, and
 * readers that believe what is not so. Each answer that they get is judged.
 */
import type { FaultPorts, Performed } from './faults.ts'
import { createFoe, type Foe, OverError } from './foe.ts'
import { readAstray } from './stale-reader.ts'
import { actAsZombie } from './zombie-member.ts'
import { sendAsZombie } from './zombie-producer.ts'

export const zombieFaultNames = ['zombieProducer', 'zombieMember', 'staleReader'] as const
export type ZombieFaultName = (typeof zombieFaultNames)[number]

export type ZombieFault = {
  do: ZombieFaultName
  /** A topic from which nothing goes. */
  topic: string
  partition: number
  forMs: number
}

export type ZombieFaultPorts = FaultPorts & {
  lasting(ms: number, end: () => void): true
}

/** So often in its time it waits, for what may happen meanwhile. */
const rests = 6

export function createZombieFaults(ports: ZombieFaultPorts): Pick<Performed, ZombieFaultName> {
  const { cluster, checker, trace, client: clientOf, lasting, fail } = ports
  let count = 0

  function begin(
    { do: what, topic, partition, forMs }: ZombieFault,
    act: (foe: Foe, rest: () => Promise<void>, name: string) => Promise<void>,
  ): boolean {
    const known = cluster.newestImage()?.topicByName(topic)
    if (known === undefined || partition >= known.partitionCount()) return false
    let isOver = false
    const client = clientOf(`${what}-${count++}`)
    const { note } = trace
    const foe = createFoe({ client, topic, partition, isOver: () => isOver, note })
    act(foe, () => client.sleep(forMs / rests), client.name).catch((why: unknown) => {
      if (!(why instanceof OverError)) fail(why)
    })
    return lasting(forMs, () => {
      isOver = true
    })
  }

  return {
    zombieProducer: (fault) =>
      begin(fault, (foe, rest) => sendAsZombie(foe, checker.producers, rest)),
    zombieMember: (fault) =>
      begin(fault, (foe, rest, name) => actAsZombie(foe, name, checker.offsets.wrongOffset, rest)),
    staleReader: (fault) => begin(fault, (foe, rest) => readAstray(foe, cluster, rest)),
  }
}
