/** A test for each mutant of a list: it must be caught, and by a rule that it may be caught by. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Mutant } from './mutant.ts'
import { runMutant } from './run-mutant.ts'

export function prove(mutants: readonly Mutant[]): void {
  for (const mutant of mutants) {
    test(`caught: ${mutant.name}`, async () => {
      const { rule, seeds, words } = await runMutant(mutant)
      assert.ok(rule !== undefined, `it survived ${seeds} seeds`)
      assert.ok(mutant.rules.includes(rule), `caught by another rule: ${words}`)
      console.log(`${mutant.name}: ${mutant.rules[0]}, caught by ${rule} after ${seeds} seeds`)
    })
  }
  test.run()
}
