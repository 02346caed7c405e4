/** What a search of interleavings has come to: question, verdict, timeline, the story in words, final states. */
import type { Program } from '../drivers/controlled/execution.ts';
import { replay as repeat } from '../drivers/controlled/replay.ts';
import { formatSchedule, type Schedule } from '../drivers/controlled/schedule.ts';
import type { Exploration } from '../drivers/controlled/tally.ts';
import { type Counterexample, takenOf } from '../explain/counterexample.ts';
import { drawCounterexample, drawCutOff, drawRecording } from '../explain/explain.ts';
import { asExpected, cleanVerdict, countOf, coverage, hasRaces, wordFor } from '../explain/verdict.ts';
import { plural } from '../machine/plural.ts';
import { laneOf } from '../report/lanes.ts';
import { LANES_STYLE, lanesSvg } from '../report/lanes-svg.ts';
import { cut } from '../report/wrap.ts';
import { said } from '../trace/step.ts';
import { html, type Markup, preformatted, prose, trusted } from './markup.ts';
import type { TimelineData } from './model.ts';
import { pageText } from './shell.ts';
import { type Film, film, marksOf, MOST_ACCESSES, runOf, shownSteps } from './steps.ts';
import { Strings } from './strings.ts';
import { timeline } from './timeline.ts';
import type { Cell } from './world.ts';

export interface RaceReport {
  readonly name: string;
  /** Where the index is, from the page; null: there is none. */
  readonly index: string | null;
  readonly about: string;
  /** Kernel, machine and threads, in words. */
  readonly setting: string;
  readonly result: Exploration;
  /** What is not as the scenario expects. */
  readonly problems: readonly string[];
  readonly program: () => Program;
  /** What the program that was built last looks like. */
  readonly look: () => readonly Cell[];
  /** The command that repeats a schedule, and the one that searches. */
  readonly replay: (schedule: string) => string;
  readonly explore: string;
  /** The file, as it is. */
  readonly source: string;
}

/** Schedules in the timeline of what never fails, and final states in the list. */
const WITNESSES = 3;
const STATES = 12;
const STATE_LINES = 40;
const STATE_LETTERS = 600;

/** A film that the timeline shows. */
interface Shown {
  readonly film: Film;
  readonly name: string;
  /** The schedule, to be pasted. */
  readonly line: string;
  readonly marks: readonly { readonly step: number; readonly text: string }[];
}

/** The page, and the drawing in it, which is an SVG by itself too. */
export function racePage(report: RaceReport): { readonly page: string; readonly drawing: string | null } {
  const { name, result, index, program, look } = report;
  const failure = result.failures[0];
  const take = (schedule: Schedule, fails: boolean): Film => film(program, schedule, look, fails);
  const found = failure === undefined ? null : takenOf(program, failure, take);
  const shown = found === null ? witnesses(report) : counterexample(found);
  const strings = new Strings();
  const runs = shown.map((one) =>
    runOf(one.film, { name: one.name, command: report.replay(one.line) }, one.marks, strings),
  );
  const data: TimelineData = { unit: 'step', strings: strings.all, runs };
  const drawing = shown.length === 0 ? null : drawn(name, shown[0]);
  const body = html`<h1>${name}</h1>
    <p>${prose(report.about)}</p>
    <p class="dim">${report.setting}</p>
    ${verdicts(report)}
    ${
      drawing === null
        ? html`<p>No execution came to its end: there is none to show.</p>`
        : html`<h2>Timeline</h2>
            ${timeline(data)}
            <details id="drawn" open>
              <summary>The same steps as a drawing: ${shown[0].name}</summary>
              <figure class="scroll" tabindex="0" aria-label="Drawing">${trusted(drawing)}</figure>
            </details>
            <h2>${found === null ? 'A schedule in words' : 'The story in words'}</h2>
            ${preformatted(found === null ? wordsOf(shown[0].film) : story(found))}`
    }
    <h2>To repeat it</h2>
    ${preformatted([...shown.map((one) => `${one.name}: ${report.replay(one.line)}`), `search: ${report.explore}`])}
    ${finalStates(report)}
    <h2>The scenario</h2>
    ${preformatted(report.source.trimEnd().split('\n'))}`;
  const page = pageText({ title: name, index, script: 'timeline', data, body, style: LANES_STYLE });
  return { page, drawing };
}

function verdicts({ result, problems, program }: RaceReport): Markup {
  const { failures, executions, reached, unreached } = result;
  const row = (rule: string, word: string, count: string, tone: string): Markup =>
    html`<tr>
      <th scope="row">${rule}</th>
      <td class="word ${tone}">${word}</td>
      <td>${count}</td>
    </tr>`;
  const never = failures.length === 0 ? 'any rule broken' : 'anything else';
  return html`<div class="scroll">
      <table class="verdicts">
        ${failures.map((failure) => row(failure.rule, wordFor(failure, executions), countOf(failure, result), 'bad'))}
        ${row(never, ...cleanWords(result), result.complete && !hasRaces(result) ? 'good' : '')}
        ${reached.map((mark) => row(`reached: ${mark.name}`, '', countOf(mark, result), ''))}
        ${unreached.map((mark) => row(`never reached: ${mark}`, '', coverage(result), 'bad'))}
      </table>
    </div>
    ${failures.length === 0 ? null : html`<p>Seen: ${coverage(result)}.</p>`}
    ${result.spin === null ? null : preformatted(drawCutOff(program, result))}
    ${problems.length === 0 ? html`<p class="dim">${sentence(asExpected(result))}</p>` : null}
    ${problems.map((problem) => html`<p class="bad">NOT AS EXPECTED: ${problem}</p>`)}`;
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

/** `never (all 236 classes)`: the word, and what is said of it. */
function cleanWords(result: Exploration): [word: string, count: string] {
  const [, word, count = ''] = /^(.*?)(?: \((.*)\))?$/.exec(cleanVerdict(result))!;
  return [word, count];
}

function counterexample({ recording: fails, line, pass }: Counterexample<Film>): Shown[] {
  if (pass === null) return [{ film: fails, name: 'fails', line, marks: [] }];
  const late = fails.steps[pass.overtaken];
  const early = pass.recording.steps[pass.moved];
  return [
    {
      ...{ film: fails, name: 'fails', line },
      marks: [{ step: pass.overtaken + 1, text: `passes if this comes after ${early.thread}: ${said(early)}` }],
    },
    {
      ...{ film: pass.recording, name: 'nearest that passes', line: pass.line },
      marks: [{ step: pass.moved + 1, text: `comes before ${late.thread}: ${said(late)}, and so it passes` }],
    },
  ];
}

/** A schedule for each of the first final states; if none was reached, that of a thread that never gets there. */
function witnesses({ program, look, result: { outcomes, spin } }: RaceReport): Shown[] {
  const reached = outcomes.slice(0, WITNESSES).map(({ schedule }, i) => ({ schedule, name: `final state ${i + 1}` }));
  const spins = spin === null || spin.kind === 'long' ? [] : [{ schedule: spin.schedule, name: 'goes on and on' }];
  return (reached.length > 0 ? reached : spins).map(({ schedule, name }) => {
    const made = film(program, schedule, look);
    return {
      film: made,
      name,
      line: formatSchedule(schedule, namesOf(made.execution.threads)),
      marks: [],
    };
  });
}

/** As much of it as the timeline has. */
function drawn(name: string, { film: one, name: which }: Shown): string {
  const { choices, execution } = one;
  const left = leftOut(one);
  return lanesSvg({
    title: `${name}: ${which}`,
    notes: [...(left === '' ? [] : [left]), ...choices.map((choice) => `before the first step: ${choice}`)],
    lanes: execution.threads.map(laneOf),
    steps: shownSteps(one),
    marks: marksOf(one),
  });
}

function namesOf(threads: readonly { readonly name: string }[]): string[] {
  return threads.map(({ name }) => name);
}

/** As the terminal has it, if it is not too long. */
function story(found: Counterexample<Film>): string[] {
  const { recording } = found;
  if (leftOut(recording) !== '') return wordsOf(recording);
  return linesOf(drawCounterexample({ ...found, recording: { ...recording, steps: shownSteps(recording) } }));
}

function wordsOf(one: Film): string[] {
  const lines = linesOf(drawRecording({ ...one, steps: shownSteps(one) }));
  const left = leftOut(one);
  return left === '' ? lines : [left, '', ...lines];
}

/** What of a film is not in the words of it. */
function leftOut(one: Film): string {
  const { from, steps } = one;
  const left = steps.length - shownSteps(one).length;
  if (left > 0) return `left out: the ${from > 0 ? 'first' : 'last'} ${left} of ${steps.length} steps`;
  const most = Math.max(...steps.map(({ plain }) => plain.length));
  return most > MOST_ACCESSES ? `left out: plain accesses beyond the first ${MOST_ACCESSES} of a step` : '';
}

function linesOf(drawn: readonly string[]): string[] {
  return drawn.flatMap((text) => text.split('\n'));
}

/** A final state, which may be long. */
function stateLines(outcome: string): string[] {
  const lines = outcome.split('\n').map((line) => cut(line, STATE_LETTERS));
  const left = lines.length - STATE_LINES;
  return left > 0 ? [...lines.slice(0, STATE_LINES), `and ${left} lines more`] : lines;
}

function finalStates({ result, program, replay }: RaceReport): Markup {
  const { outcomes } = result;
  const item = ({ outcome, executions, schedule }: Exploration['outcomes'][number]): Markup => {
    const { found, threads } = repeat(program, schedule);
    const line = formatSchedule(schedule, namesOf(threads));
    const broken =
      found.length === 0 ? null : html`, <span class="bad">${found.map(({ rule }) => rule).join(', ')}</span>`;
    return html`<li>
      <p>In ${plural(executions, 'class', 'classes')}${broken}: <code>${replay(line)}</code></p>
      ${preformatted(stateLines(outcome))}
    </li>`;
  };
  const left = outcomes.length - STATES;
  return html`<h2>${plural(outcomes.length, 'distinct final state', 'distinct final states')}</h2>
    <details>
      <summary>What memory holds in the end, and a schedule for each</summary>
      <ol>
        ${outcomes.slice(0, STATES).map(item)}
      </ol>
      ${left > 0 ? html`<p class="note">and ${left} more: explore with --outcomes lists them</p>` : null}
    </details>`;
}
