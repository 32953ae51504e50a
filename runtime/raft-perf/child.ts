/** A voter in a process of its own: does what its parent asks, and ends with it. */
import { nodeConfig } from '../config/config.ts'
import { readProperties } from '../config/properties.ts'
import type { Figures, LoadPlan } from './load.ts'
import { startVoter } from './voter.ts'

export type Asked = { id: number; what: 'begin' | 'figures' }
export type Told = { id: number; figures?: Figures | undefined; cpuSeconds: number }

/** Resolves when the parent is gone; rejects when the voter cannot go on. */
export async function runVoter(file: string, plan: LoadPlan): Promise<void> {
  const gone = new Promise<void>((resolve) => process.on('disconnect', resolve))
  let fail: (why: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  const node = nodeConfig(readProperties(file))
  const voter = await startVoter({ node, plan, link: 'nats', halt: fail })
  let began = process.cpuUsage()
  process.on('message', ({ id, what }: Asked) => {
    if (what === 'begin') {
      began = process.cpuUsage()
      voter.begin()
    }
    const { user, system } = process.cpuUsage(began)
    const told: Told = { id, figures: voter.figures(), cpuSeconds: (user + system) / 1e6 }
    process.send!(told)
  })
  await Promise.race([gone, failed])
}
