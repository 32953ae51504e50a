/** The known configuration that a misspelt name most likely means. */
import { brokerDefinitions, natsDefinitions } from '../../actors/config/definitions.ts'

/** How many characters to insert, remove or replace (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, above[j]! + 1, row[j - 1]! + 1))
    }
    above = row
  }
  return above[b.length]!
}

/** Undefined where nothing is near enough to be meant. */
export function closestName(name: string): string | undefined {
  const known = [...brokerDefinitions.keys(), ...natsDefinitions.keys()]
  const [closest] = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  return closest !== undefined && closest.distance <= 3 ? closest.candidate : undefined
}
