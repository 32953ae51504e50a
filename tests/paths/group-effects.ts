/** The effects of the group chart, as its members and the log see them. */
import { answered, answerLine, type GroupWorld, selected, storedLine } from './group-world.ts'
import type { Seen } from './walk.ts'

/** What the effect does to what is known, and what of it is seen. */
export function effectOn(on: GroupWorld, type: string, params: unknown): Seen {
  const { error = '' } = (params ?? {}) as { error?: string }
  const now: string[] = []
  const later: Record<string, string> = {}
  const answer = (request: number | null, what: string) => {
    if (request === null) return
    now.push(answerLine(request))
    later[request] = answered(request, what)
  }
  const all = () => [...on.members.values()]
  const store = (generationId: number, rows: string[]) => {
    if (on.log.refusal === null) now.push(storedLine(generationId, rows))
  }
  const partOfGeneration = (name: string) => ` ${on.parts.get(name) ?? ''}`.trimEnd()
  const { request = -1, person, protocols = [] } = on.asked ?? {}

  /** Whoever had its place is fenced; from now on it asks for what it asked for. */
  function come(answersOlder: 'FENCED_INSTANCE_ID' | 'REBALANCE_IN_PROGRESS') {
    answer(person!.join, answersOlder)
    if (answersOlder === 'FENCED_INSTANCE_ID') {
      answer(person!.sync, answersOlder)
      person!.sync = null
      on.members.delete(person!.name)
    }
    person!.join = null
    person!.protocols = protocols
    on.members.set(person!.name, person!)
  }
  const isReplaced = on.asked?.memberId === '' && on.members.has(person?.name ?? '')

  switch (type) {
    case 'takeJoin':
      come(isReplaced ? 'FENCED_INSTANCE_ID' : 'REBALANCE_IN_PROGRESS')
      person!.join = request
      break
    case 'answerCurrentGeneration':
      answer(request, `NONE in ${on.generationId}`)
      break
    case 'storeReplacement':
      come('FENCED_INSTANCE_ID')
      store(
        on.generationId,
        all().map(({ name }) => `${name}=${on.parts.get(name) ?? ''}`),
      )
      later['answer'] = answerLine(request)
      later[request] = answered(request, `NONE in ${on.generationId}`)
      break
    case 'answerJoins':
      on.protocol = selected(on)!
      on.parts = new Map()
      for (const each of all()) {
        answer(each.join, `NONE in ${on.generationId}`)
        each.join = null
        each.synced = false
      }
      break
    case 'dropUnjoined':
      for (const each of all()) {
        if (each.join === null && each.instance === null) on.remove(each)
      }
      break
    case 'dropUnsynced':
      for (const each of all()) if (!each.synced) on.remove(each)
      break
    case 'parkSync':
      answer(person!.sync, 'REBALANCE_IN_PROGRESS')
      person!.sync = request
      person!.synced = true
      break
    case 'storeAssignment':
      on.parts = on.asked!.parts
      store(
        on.generationId,
        all().map(({ name }) => `${name}=${on.parts.get(name) ?? ''}`),
      )
      break
    case 'answerSync':
      person!.synced = true
      answer(request, `NONE${partOfGeneration(person!.name)}`)
      break
    case 'answerSyncs':
      for (const each of all()) {
        answer(each.sync, `NONE${partOfGeneration(each.name)}`)
        each.sync = null
      }
      break
    case 'refuseSync':
      answer(request, error)
      break
    case 'refuseSyncs':
      on.parts = new Map()
      for (const each of all()) {
        answer(each.sync, error)
        each.sync = null
      }
      break
    case 'storeEmpty':
      store(on.generationId, [])
      break
    case 'refuseAll':
      for (const each of all()) {
        answer(each.join, 'NOT_COORDINATOR')
        answer(each.sync, 'NOT_COORDINATOR')
      }
      break
  }
  return { now, later }
}
