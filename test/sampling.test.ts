/**
 * "All classes" of a scenario are all there are: whatever a sampler comes by is among them. A step that says less than what its
 * kernel text depends on (a table looked for without a lock, a TLB that was filled meanwhile) shows here, and hardly elsewhere.
 */
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { ClassCounter } from '../src/drivers/controlled/classes.ts';
import { sourceDpor } from '../src/drivers/controlled/dpor.ts';
import { Execution } from '../src/drivers/controlled/execution.ts';
import { random, urw } from '../src/drivers/controlled/random.ts';
import type { Strategy } from '../src/drivers/controlled/strategy.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { readScenario } from '../src/scenario/read.ts';
import { buildWorld, checkedProgram } from '../src/scenario/world.ts';
import { long } from './support/long.ts';
import { skip } from './support/skip.ts';

const MAX_STEPS = 10_000;
/** Searches that have more are left alone. */
const CLASSES = long ? 2000 : 60;
const SAMPLES = long ? 200 : 50;

interface Seen {
  /** Of executions that ran to their end; with a schedule for each. */
  readonly classes: Map<number, string>;
  readonly rules: Set<string>;
  /** More than it was to be. */
  readonly tooMany: boolean;
}

function seenBy(path: string, strategy: Strategy, limit = Infinity): Seen {
  const scenario = readScenario(path, catalog());
  const counter = new ClassCounter();
  const classes = new Map<number, string>();
  const rules = new Set<string>();
  for (let runs = 0; strategy.begin(); runs++) {
    if (runs === limit) return { classes, rules, tooMany: true };
    const execution = new Execution(
      () => checkedProgram(buildWorld(scenario)),
      (n) => strategy.answer(n),
    );
    const over = execution.run(counter.watching(strategy), MAX_STEPS) === 'over';
    const key = counter.orderOf(execution).fingerprint(execution.choices);
    if (over && !execution.crashed) classes.set(key, execution.schedule.join(''));
    for (const { rule } of execution.found) rules.add(rule);
    strategy.end(execution);
  }
  return { classes, rules, tooMany: false };
}

describe('samples of a scenario', () => {
  let compared = 0;
  for (const name of readdirSync('scenarios/races').filter((file) => file.endsWith('.yaml'))) {
    const path = `scenarios/races/${name}`;
    // What plain accesses race with has no order that could be told.
    if (readScenario(path, catalog()).expect.sometimes.includes('data race')) continue;

    it(`are of classes that the search has: ${name}`, function () {
      const all = seenBy(path, sourceDpor(), CLASSES);
      if (all.tooMany) skip(this, `there are more than ${CLASSES} classes`);
      for (const sampler of [random(1, SAMPLES), urw(1, SAMPLES)]) {
        const sampled = seenBy(path, sampler);
        expect([...all.rules]).to.include.members([...sampled.rules]);
        const missing = [...sampled.classes].filter(([key]) => !all.classes.has(key)).map(([, schedule]) => schedule);
        expect(missing).to.deep.equal([]);
      }
      compared++;
    });
  }

  after(() => {
    expect(compared).to.be.greaterThan(long ? 150 : 40);
  });
});
