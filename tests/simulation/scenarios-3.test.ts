/** Named scenarios: every fourth. */
import { testScenarios } from './scenario-suite.ts'

testScenarios(3)
