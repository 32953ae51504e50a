/**
 * The smallest script that still fails as this one: what stands behind the failure goes first, then
 * the faults of messages, then topics, producers and nodes, then ever smaller pieces of the list of actions, as long as the same rule
 * stays broken (delta debugging, Zeller and Hildebrandt 2002).
 */

import type { ProducerSpec, Script, TopicSpec } from './script.ts'
import { play } from './simulate.ts'
import { type Told, tell } from './told.ts'
import { quietNetwork } from './ways.ts'

export type Shrunk = { script: Script; told: Told }

/** What the failure is, numbers and names aside. */
const kindOf = ({ failure }: Told): string | undefined =>
  failure === undefined ? undefined : (failure.rule ?? failure.message.replaceAll(/\d+/g, 'N'))

/** @returns undefined when the script fails at nothing */
export async function shrink(
  script: Script,
  say: (line: string) => void,
): Promise<Shrunk | undefined> {
  const told = await tell(play(script))
  const kind = kindOf(told)
  if (kind === undefined) return undefined
  let best: Shrunk = { script, told }
  let tries = 0

  async function isEnough(candidate: Script): Promise<boolean> {
    tries++
    const found = await tell(play(candidate))
    if (kindOf(found) !== kind) return false
    best = { script: candidate, told: found }
    say(
      `${candidate.actions.length} actions after ${tries} tries: ${found.failure!.message.slice(0, 100)}`,
    )
    return true
  }

  const atMs = () => best.told.failure!.atMs
  say(`${kind}: ${script.actions.length} actions`)
  if (atMs() < script.faultyMs) {
    const faultyMs = atMs() + 1
    const actions = script.actions.filter(({ at }) => at <= faultyMs)
    await isEnough({ ...script, faultyMs, actions })
  }
  for (const name of ['lossRate', 'repeatRate', 'stallRate', 'delayMs'] as const) {
    const { network } = best.script
    if (network[name] === quietNetwork[name]) continue
    await isEnough({ ...best.script, network: { ...network, [name]: quietNetwork[name] } })
  }
  for (let at = 0; ; ) {
    const candidate = withoutParts(best.script)[at]
    if (candidate === undefined) break
    // What stands at this place then is another part.
    if (!(await isEnough(candidate))) at++
  }
  for (let size = Math.ceil(best.script.actions.length / 2); size > 0; ) {
    const before = best.script.actions.length
    // From the end, so that what goes moves nothing that is still to be tried.
    for (let end = before; end > 0; end -= size) {
      const { actions } = best.script
      const rest = actions.filter((_, at) => at >= end || at < end - size)
      await isEnough({ ...best.script, actions: rest })
    }
    const isSmaller = best.script.actions.length < before
    if (size > 1) size = Math.ceil(size / 2)
    else if (!isSmaller) break
  }
  return best
}

/** Each lacks one: a topic, a producer, a broker or a controller, and what is done with it. */
function withoutParts(script: Script): Script[] {
  const { shape, workload, actions } = script
  const { topics, producers, groups } = workload
  const { brokers, controllers, config } = shape
  const dropTopic = ({ name }: TopicSpec): Script => ({
    ...script,
    workload: {
      ...workload,
      topics: topics.filter((topic) => topic.name !== name),
      groups: groups.filter(({ topic }) => topic !== name),
    },
    actions: actions.filter(
      (action) =>
        !('topic' in action && action.topic === name) &&
        !(
          'group' in action && groups.some(({ id, topic }) => id === action.group && topic === name)
        ),
    ),
  })
  const dropProducer = ({ name }: ProducerSpec): Script => ({
    ...script,
    workload: { ...workload, producers: producers.filter((each) => each.name !== name) },
    actions: actions.filter((action) => action.do !== 'produce' || action.producer !== name),
  })
  const factor = String(Math.min(Number(config['default.replication.factor']), brokers - 1))
  const fewerBrokers: Script = {
    ...script,
    shape: {
      ...shape,
      brokers: brokers - 1,
      config: { ...config, 'default.replication.factor': factor },
    },
  }
  const fewerControllers: Script = { ...script, shape: { ...shape, controllers: controllers - 1 } }
  return [
    ...(topics.length > 1 ? topics.map(dropTopic) : []),
    ...(producers.length > 1 ? producers.map(dropProducer) : []),
    ...(brokers > 3 ? [fewerBrokers] : []),
    ...(controllers > 1 ? [fewerControllers] : []),
  ]
}
