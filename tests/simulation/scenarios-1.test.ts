/** Named scenarios: every eighth. */
import { testScenarios } from './scenario-suite.ts'

testScenarios(1)
