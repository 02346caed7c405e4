/**
 * Interleavings and scenarios for fast-check, as `faultline/fast-check`: properties of whole executions, with
 * counterexamples that are small and can be pasted back. See docs/fast-check.md.
 */
export { type InterleavingOptions, interleavings } from './fuzz/interleavings.ts';
export { type Interleaving, interleaving, RuleBroken } from './fuzz/interleaving.ts';
export type { Subject } from './fuzz/subject.ts';
export { type ScenarioOptions, scenarios, type WrittenScenario } from './fuzz/scenarios.ts';
export {
  scenarioInterleavings,
  type ScenarioRun,
  type Workload,
  workloadInterleavings,
  type WorkloadOptions,
} from './fuzz/workloads.ts';
