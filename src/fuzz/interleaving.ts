/** One interleaving of a program as a value: run to its end, written in one line, fit to be pasted back. */
import { DeadlockWatch } from '../drivers/controlled/deadlock.ts';
import { type Answers, Execution, type Found, type Program } from '../drivers/controlled/execution.ts';
import { recorded } from '../drivers/controlled/replay.ts';
import {
  contextSwitches,
  formatSchedule,
  parseSchedule,
  type Schedule,
  scheduleOf,
} from '../drivers/controlled/schedule.ts';
import type { Thread } from '../machine/thread.ts';
import { quoted, type Resolved, resolve, shellWord, type Subject } from './subject.ts';

/** Who acts next, given who acted last; null if nobody can. */
export type Turn = (execution: Execution, last: Thread | null) => Thread | null;

/** Unless it is said otherwise threads go on, one after the other. */
export const goOn: Turn = (execution, last) =>
  last !== null && execution.isEnabled(last) ? last : (execution.enabled()[0] ?? null);

/** The turns of a schedule as far as they can be had, then `goOn`. So every wish is an execution. */
export function wish({ threads }: Schedule): Turn {
  let next = 0;
  return (execution, last) => {
    while (next < threads.length) {
      const thread = execution.threads[threads[next++]];
      if (thread !== undefined && execution.isEnabled(thread)) return thread;
    }
    return goOn(execution, last);
  };
}

/**
 * An execution of a program. `schedule` and `line` say all that is needed to repeat it; where the rules that it breaks
 * are broken before its end, and threads simply go on from there, they say no more than that.
 */
export class Interleaving {
  readonly schedule: Schedule;
  /** First violation of each rule; empty if all is well. */
  readonly found: readonly Found[];
  /** As it stands at the end, for a closer look. */
  readonly execution: Execution;
  /** Steps of the whole execution. */
  readonly steps: number;
  /** False: it was left after `maxSteps` steps. */
  readonly over: boolean;
  /** Switches of the schedule away from a thread that could have gone on. */
  readonly preemptions: number;
  /** How often the thread that acts changes in the schedule. */
  readonly contextSwitches: number;
  /** Steps after which every rule is broken that it breaks. */
  readonly decided: number;
  readonly subject: Resolved;
  private state: string | null = null;

  constructor(subject: Resolved, run: Run) {
    const { execution, preemptions, lastWish } = run;
    this.subject = subject;
    this.execution = execution;
    this.found = execution.found;
    this.steps = execution.length;
    this.over = execution.over;
    this.decided = decidedAt(subject.program, execution);
    const whole = scheduleOf(execution);
    const said = lastWish < this.decided ? this.decided : whole.threads.length;
    this.schedule = { threads: whole.threads.slice(0, said), answers: whole.answers };
    this.preemptions = preemptions;
    this.contextSwitches = contextSwitches(this.schedule.threads);
  }

  /** The schedule in one line, such as `T1:7 T2:9 T1`. */
  get line(): string {
    return formatSchedule(
      this.schedule,
      this.execution.threads.map(({ name }) => name),
    );
  }

  /** The final state in words. */
  get outcome(): string {
    return (this.state ??= this.execution.outcome());
  }

  /** Throws a RuleBroken if a rule is broken. */
  check(): void {
    if (this.found.length > 0) throw new RuleBroken(this);
  }

  /** Code that makes it again: `interleaving('scenarios/x.yaml', 'T1:7 T2:9 T1')`. */
  toString(): string {
    const rules = this.found.map(({ rule }) => rule.replaceAll('*/', '* /')).join(', ');
    const code = `interleaving(${this.subject.code}, ${quoted(this.line)})`;
    return rules === '' ? code : `${code} /* ${rules} */`;
  }
}

/** An interleaving breaks a rule; says which, what shows it, and how to repeat it. */
export class RuleBroken extends Error {
  /** The first one. */
  readonly rule: string;
  readonly witness: string;
  /** The schedule in one line. */
  readonly line: string;

  constructor({ found, line, subject }: Interleaving) {
    const again =
      subject.file === null
        ? `interleaving(${subject.code}, ${quoted(line)})`
        : `faultline replay ${shellWord(subject.file)} --schedule ${shellWord(line)}`;
    super([...found.map(({ rule, witness }) => `${rule}: ${witness}`), again].join('\n'));
    this.name = 'RuleBroken';
    this.rule = found[0].rule;
    this.witness = found[0].witness;
    this.line = line;
  }
}

/** An execution that was run, and what became clear on the way. */
export interface Run {
  readonly execution: Execution;
  readonly preemptions: number;
  /** Number of the last step, from 0, that was not the usual one or asked for an unusual answer; -1 if none. */
  readonly lastWish: number;
}

/** Run a program until nobody can act, at most `maxSteps` steps. */
export function perform(program: () => Program, turn: Turn, answers: Answers, maxSteps: number): Run {
  let lastWish = -1;
  let step = -1;
  let preemptions = 0;
  let last: Thread | null = null;
  const execution = new Execution(program, (n, what) => {
    const answer = answers(n, what);
    if (answer !== 0) lastWish = step;
    return answer;
  });
  for (step = 0; step < maxSteps; step++) {
    const thread = turn(execution, last);
    if (thread === null) break;
    if (thread !== goOn(execution, last)) {
      lastWish = step;
      if (last !== null && execution.isEnabled(last)) preemptions++;
    }
    execution.perform(thread);
    last = thread;
    if (execution.crashed) break;
  }
  if (execution.over) execution.finish();
  return { execution, preemptions, lastWish };
}

/** Number of steps after which all the rules are broken that this execution breaks; its length if it breaks none. */
function decidedAt(program: () => Program, execution: Execution): number {
  const { found, length } = execution;
  if (found.length === 0) return length;
  return Math.max(...found.map(({ rule, step }) => (rule === 'deadlock' ? closedAt(program, execution) : step)));
}

/** Number of steps after which a circle of threads that wait for each other is closed. */
function closedAt(program: () => Program, { schedule, choices, length }: Execution): number {
  const again = new Execution(program, recorded({ threads: schedule, answers: choices.map(({ answer }) => answer) }));
  const watch = new DeadlockWatch();
  for (const id of schedule) {
    again.perform(again.threads[id]);
    watch.afterStep(again.threads[id], again);
    if (watch.found !== null) return watch.found.at;
  }
  return length;
}

/** Steps after which an execution is left. */
export const MAX_STEPS = 10_000;

/** A wish as an interleaving. */
export function runWish(subject: Resolved, schedule: Schedule, maxSteps: number): Interleaving {
  return new Interleaving(subject, perform(subject.program, wish(schedule), recorded(schedule), maxSteps));
}

/**
 * The interleaving that a line such as `T1:7 T2:9 T1` stands for; when it is used up, threads go on one after the
 * other. Throws a ScheduleError if a thread cannot do what the line says.
 */
export function interleaving(subject: Subject, line: string): Interleaving {
  const resolved = resolve(subject);
  const schedule = parseSchedule(resolved.program, line);
  return runWish(resolved, schedule, schedule.threads.length + MAX_STEPS);
}
