/** M7: what an operation costs, measured in histories. */
import { test } from 'uvu'
import { compareCosts } from './cost.ts'

test('M7: ten times the topics, the same cost', () => compareCosts(console.log))

test.run()
