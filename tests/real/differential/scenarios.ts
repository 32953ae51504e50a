/** All that is compared. */
import { configScenarios } from './configs.ts'
import { foundScenarios } from './found.ts'
import { groupScenarios } from './groups.ts'
import { nodeScenarios } from './nodes.ts'
import { producedScenarios } from './produced.ts'
import type { Scenario } from './scenario.ts'
import { topicScenarios } from './topics.ts'

export const scenarios: Scenario[] = [
  ...nodeScenarios,
  ...topicScenarios,
  ...configScenarios,
  ...producedScenarios,
  ...foundScenarios,
  ...groupScenarios,
]
