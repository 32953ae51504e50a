/**
 * Lists that many rows share: a million partitions have few different replica lists, so a row keeps
 * a number and the list itself exists once.
 */
import { invariant } from '../invariant.ts'

export type Pool<T extends number | string> = {
  /** The id of an equal list; it lives until it was let go as often as it was taken. */
  take(list: readonly T[]): number
  /** @returns true when nobody shares it any more and the id may be given to another list */
  letGo(id: number): boolean
  /** Frozen, so that a reader cannot change another row's list. */
  at(id: number): T[]
  size(): number
}

/** Most lists are empty: that one is never counted and never goes. */
const empty = 0

export function createPool<T extends number | string>(): Pool<T> {
  const ids = new Map<string, number>()
  const lists: T[][] = [Object.freeze([]) as unknown as T[]]
  const keys: string[] = ['']
  const takers: number[] = [1]
  const free: number[] = []
  return {
    take(list) {
      if (list.length === 0) return empty
      const key = list.join(',')
      const known = ids.get(key)
      if (known !== undefined) {
        takers[known] = takers[known]! + 1
        return known
      }
      const id = free.pop() ?? lists.length
      lists[id] = Object.freeze([...list]) as T[]
      keys[id] = key
      takers[id] = 1
      ids.set(key, id)
      return id
    },
    letGo(id) {
      if (id === empty) return false
      const left = takers[id]! - 1
      invariant(left >= 0, 'a shared list is let go no more often than it was taken', { id })
      takers[id] = left
      if (left > 0) return false
      ids.delete(keys[id]!)
      free.push(id)
      return true
    },
    at: (id) => lists[id]!,
    size: () => ids.size,
  }
}
