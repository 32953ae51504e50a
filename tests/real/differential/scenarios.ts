/** All that is compared. */
import { configScenarios } from './configs.ts'
import { dataScenarios } from './data.ts'
import { groupScenarios } from './groups.ts'
import { nodeScenarios } from './nodes.ts'
import type { Scenario } from './scenario.ts'
import { topicScenarios } from './topics.ts'

export const scenarios: Scenario[] = [
  ...nodeScenarios,
  ...topicScenarios,
  ...configScenarios,
  ...dataScenarios,
  ...groupScenarios,
]
