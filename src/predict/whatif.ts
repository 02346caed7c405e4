/**
 * What if one cost, one critical section or the transfers of one line took another time, and all else stayed as it is? Each
 * answer is a run of its own, with the seeds of the run it is compared with: nothing is sampled or extrapolated.
 */
import type { Pace } from '../drivers/timed/pace.ts';
import type { TimedResult } from '../drivers/timed/run.ts';
import type { Watcher } from '../drivers/timed/watch.ts';
import type { Line } from '../machine/memory.ts';
import { type Cost, type Profile, TICKS_PER_NS } from '../machine/profile.ts';
import { type Shared, type Step, WAIT } from '../machine/step.ts';
import { running, type Thread } from '../machine/thread.ts';
import { allWork } from '../machine/work.ts';
import { Sections } from '../trace/sections.ts';
import { lineKind, partKind } from './lines.ts';
import { allCosts, withFactor } from './parameters.ts';
import { lineRows } from './scaling.ts';
import { halfWidth95, harmonicMean, mean } from './statistics.ts';
import type { Trial, TrialOptions, TrialResult } from './trials.ts';

/** Something that can take another time. */
export interface Subject {
  /** A cost of the profile, or all below a path of it; a critical section; the transfers of a kind of line. */
  readonly kind: 'cost' | 'section' | 'line';
  /** `clear.local`, `&mm->page_table_lock in do_anonymous_page`, `mm mm_struct[0]` */
  readonly name: string;
  /** What it is now, in words. */
  readonly now: string;
  /** CPU time that is spent on it; null: it is part of many things. */
  readonly ns: number | null;
  /** It may take no time at all. */
  readonly canVanish: boolean;
}

/** How much more is done: parts of what was, 0.1 for a tenth more. */
export interface Gain {
  readonly gain: number;
  /** Half the width of its 95 % interval; 0: nothing is random. */
  readonly halfWidth: number;
}

export interface WhatIf {
  readonly subject: Subject;
  readonly scaled: Gain;
  /** With the subject at zero: the most that can be gained there. Null: that makes no sense. */
  readonly gone: Gain | null;
}

export interface WhatIfRow {
  readonly trial: Pick<Trial, 'name' | 'threads' | 'unit'>;
  readonly rate: number;
  readonly replications: number;
  /** By what they gain, the most first. */
  readonly effects: readonly WhatIf[];
  /** Those that change nothing, to the bit. */
  readonly without: readonly Subject[];
  /** Those that are not tried: less than a thousandth of the time is spent on them. */
  readonly small: readonly Subject[];
}

export interface WhatIfOptions {
  readonly factor: number;
  readonly seed: number;
  readonly replications: number;
  readonly report?: (what: string) => void;
}

export function whatIf(trial: Trial, profile: Profile, options: WhatIfOptions): WhatIfRow {
  const { seed, report } = options;
  const replications = trial.random ? options.replications : 1;
  const seeds = Array.from({ length: replications }, (_, i) => seed + i);
  report?.(`${trial.name}: as it is`);
  const before = seeds.map((one) => trial.run({ profile, seed: one }).rate);
  const { subjects, small, machine } = subjectsOf(trial, profile, seed);
  const effects: WhatIf[] = [];
  const without: Subject[] = [];
  for (const subject of subjects) {
    report?.(`${trial.name}: ${subject.name}`);
    const gain = (factor: number): Gain =>
      gainOf(before, seeds, (one) => runWith(trial, machine, subject, factor, one).rate);
    const scaled = gain(options.factor);
    const gone = !subject.canVanish || isNothing(scaled) ? null : gain(0);
    if (isNothing(scaled)) without.push(subject);
    else effects.push({ subject, scaled, gone });
  }
  effects.sort((a, b) => b.scaled.gain - a.scaled.gain);
  const { name, threads, unit } = trial;
  return { trial: { name, threads, unit }, rate: harmonicMean(before), replications, effects, without, small };
}

/** The trial with the subject scaled. */
export function runWith(
  trial: Trial,
  profile: Profile,
  { kind, name }: Subject,
  factor: number,
  seed: number,
): TrialResult {
  if (kind === 'cost') return trial.run({ profile: withFactor(profile, name, factor), seed });
  return kind === 'section'
    ? runWithSection(trial, { profile, seed }, name, factor)
    : trial.run({ profile, seed, pace: lineAtPace(name, factor) });
}

function runWithSection(trial: Trial, options: TrialOptions, name: string, factor: number): TrialResult {
  const sections = new Sections();
  const ofThread = (thread: Thread): number => (sections.of(thread) === name ? factor : 1);
  const pace: Pace = { ofThread, ofLine: () => 1, ofPart: () => 1 };
  // plain accesses (-1) have been priced at this pace already
  const charged = (id: number, ticks: number): number =>
    id < 0 || running.id < 0 ? ticks : Math.round(ticks * ofThread(running));
  return sections.watch(() => trial.run({ ...options, pace }), charged);
}

function lineAtPace(name: string, factor: number): Pace {
  const known = new Map<Line, number>();
  const ofLine = (line: Line): number => {
    let at = known.get(line);
    if (at === undefined) known.set(line, (at = lineKind(line.name) === name ? factor : 1));
    return at;
  };
  const ofPart = (object: Shared, index: number): number => (partKind(object.describe(index)) === name ? factor : 1);
  return { ofThread: () => 1, ofLine, ofPart };
}

function gainOf(before: readonly number[], seeds: readonly number[], rateOf: (seed: number) => number): Gain {
  const gains = seeds.map((seed, i) => rateOf(seed) / before[i] - 1);
  return { gain: mean(gains), halfWidth: halfWidth95(gains) };
}

function isNothing({ gain, halfWidth }: Gain): boolean {
  return gain === 0 && halfWidth === 0;
}

/** On less than this part of the time nothing can be gained that is worth a run. */
const SMALL = 1e-3;

interface Surveyed {
  readonly subjects: readonly Subject[];
  readonly small: readonly Subject[];
  /** Every cost of what is done is in its profile. */
  readonly machine: Profile;
}

/** What a run of the trial spends its time on. */
function subjectsOf(trial: Trial, profile: Profile, seed: number): Surveyed {
  const survey = new Survey();
  const { timed } = survey.run((watcher) => trial.run({ profile, seed, watcher }));
  const machine = { ...profile, work: { ...profile.work, ...survey.assumedWork(profile) } };
  const all = [...costsOf(machine, survey), ...survey.sections(), ...linesOf(timed, survey)];
  const isSmall = ({ ns }: Subject): boolean => ns !== null && ns < timed.wallNs * SMALL;
  return { subjects: all.filter((one) => !isSmall(one)), small: all.filter(isSmall), machine };
}

/** Times that the run needs; memory is no time, and that of a scheduler is a policy: all of it or nothing. */
function costsOf(profile: Profile, { work }: Survey): Subject[] {
  const leaves = allCosts(profile).filter(
    ({ path, cost }) =>
      cost.value !== 0 && cost.unit !== 'MiB' && (!path.startsWith('work.') || work.has(path.slice('work.'.length))),
  );
  const groups = ['clear', 'lineTransfer', 'read', 'start', 'scheduler'].filter(
    (group) => leaves.filter(({ path }) => path.startsWith(`${group}.`)).length > 1,
  );
  return [
    ...groups.map((name) => costSubject(name, 'all of them', null)),
    ...leaves
      .filter(({ path }) => !path.startsWith('scheduler.'))
      .map(({ path, cost }) => {
        const ticks = work.get(path.replace(/^work\./, ''));
        return costSubject(path, `${cost.value} ${cost.unit}`, ticks === undefined ? null : ticks / TICKS_PER_NS);
      }),
  ];
}

/** The share of the bus is in parts of `clear.local`; a scheduler that looks without pause never comes to an end. */
function costSubject(name: string, now: string, ns: number | null): Subject {
  return { kind: 'cost', name, now, ns, canVanish: !['clear', 'clear.local', 'scheduler'].includes(name) };
}

function linesOf(timed: TimedResult, { parts }: Survey): Subject[] {
  const lines = lineRows(timed);
  const others = [...parts].filter((part) => !lines.some(({ name }) => name === part));
  return [
    ...lines.map(({ name, moves, stallNs }) => lineSubject(name, `fetched ${moves} times`, stallNs)),
    ...others.map((name) => lineSubject(name, 'lines of structures', null)),
  ];
}

function lineSubject(name: string, now: string, ns: number | null): Subject {
  return { kind: 'line', name, now, ns, canVanish: true };
}

/** One run that is watched: the work it does, the sections it is in and for how long, the structures it touches. */
class Survey implements Watcher {
  /** Ticks by the name of the work. */
  readonly work = new Map<string, number>();
  readonly parts = new Set<string>();
  private readonly inSections = new Sections();
  /** Ticks by section. */
  private readonly ticks = new Map<string, number>();
  /** Those that wait: what their step takes is none of their section's business. */
  private readonly waiting = new Set<number>();

  run(trial: (watcher: Watcher) => TrialResult): TrialResult {
    return this.inSections.watch(
      () => trial(this),
      (id, ticks) => {
        if (id >= 0) addTo(this.work, allWork()[id].name, ticks);
        if (running.id >= 0) this.add(running, ticks);
        return ticks;
      },
    );
  }

  step(thread: Thread, from: number, done: number): void {
    this.touchesOf(thread.pending!);
    if (!this.waiting.delete(thread.id)) this.add(thread, done - from);
  }
  stops(thread: Thread): void {
    this.waiting.add(thread.id);
  }
  resumes(thread: Thread): void {
    this.waiting.delete(thread.id);
  }
  touches(words: Shared, index: number): void {
    if (words.ownLine() === null) this.parts.add(partKind(words.describe(index)));
  }
  granted(): void {
    // that it goes on is seen by its step
  }

  /** Work for which the profile has no price of its own, with the price that kernel text assumes. */
  assumedWork(profile: Profile): Record<string, Cost> {
    const own = allWork().filter(
      ({ name, assumedNs }) => assumedNs !== null && this.work.has(name) && !(name in profile.work),
    );
    return Object.fromEntries(
      own.map(({ name, assumedNs }) => [
        name,
        { value: assumedNs!, unit: 'ns', status: 'assumed', source: 'kernel text' },
      ]),
    );
  }

  sections(): Subject[] {
    return [...this.ticks].map(([name, ticks]) => {
      const ns = ticks / TICKS_PER_NS;
      return { kind: 'section', name, now: `${(ns / 1e6).toFixed(2)} ms in it`, ns, canVanish: true };
    });
  }

  private touchesOf({ kind, object, index }: Step): void {
    if (kind < WAIT && object.ownLine() === null) this.parts.add(partKind(object.onLineOf().describe(index)));
  }

  private add(thread: Thread, ticks: number): void {
    const section = this.inSections.of(thread);
    if (section !== '' && ticks > 0) addTo(this.ticks, section, ticks);
  }
}

function addTo(sums: Map<string, number>, key: string, more: number): void {
  sums.set(key, (sums.get(key) ?? 0) + more);
}
