#!/usr/bin/env node
/** The command line. Commands are loaded when they are called, so that --version loads none. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Argument, Command, CommanderError, Option } from 'commander';
import { visible } from '../export/escape.ts';
import { runToEnd } from './ending.ts';
import { EXIT, EXIT_HELP, UsageError } from './exit.ts';
import { type Io, processIo } from './io.ts';
import {
  CHECK_FORMATS,
  EXPORTS,
  FORMATS,
  LAYOUT_BITS,
  LAYOUT_FORMATS,
  LAYOUT_LINES,
  LISTS,
  MAX_SCALE,
  factor,
  several,
  STRATEGIES,
  USUAL,
  version,
  wholeNumber,
  wholeNumbers,
} from './options.ts';

const MAX_STEPS = [
  '--max-steps <n>',
  'leave an execution after this many steps (default 10000)',
  wholeNumber(1),
] as const;

type Action = () => Promise<number>;

function common(command: Command, formats: readonly string[] = FORMATS): Command {
  return command
    .addOption(new Option('--format <format>', 'what to print').choices(formats).default('table'))
    .option('--seed <n>', 'seed of every random choice', wholeNumber(0), USUAL.seed)
    .option('-q, --quiet', 'no progress on stderr', false);
}

function patchable(command: Command, formats: readonly string[] = FORMATS): Command {
  return common(command, formats).option(
    '--patch <patch>',
    'apply a patch: one of your own, a .ts or .js file, or the name of one of the package; again for more',
    several,
    [],
  );
}

/** Its result can be put into files for other people's tools. */
function exportable(command: Command, about: string): Command {
  return command.option('--export <kind=file>', `${about}; again for more (docs/exports.md)`, several, []);
}

/** An error of commander's: a line with the user's words in it, and one on what was meant. */
function wrongUsage(text: string): string {
  const lines = text.trimEnd().split(/\n(?=\(Did you mean )/);
  return `${lines.map(visible).join('\n')}\n`;
}

/** The program; `decide` is told what to do. */
function program(io: Io, decide: (action: Action) => void): Command {
  const top = new Command('faultline')
    .description(
      'Linux page-fault paths on a simulated SMP machine: explore their interleavings, measure how they scale',
    )
    .version(version())
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: (text, write) => write(wrongUsage(text)) })
    .showHelpAfterError('(see --help)')
    .addHelpText('after', EXIT_HELP)
    .exitOverride();
  const command = (spec: string, about: string): Command => top.command(spec).description(about).exitOverride();

  const everything = `write ${EXPORTS.join(', ')}`;
  exportable(patchable(command('run', 'run a scenario under the clock')), everything)
    .option('--export-limit <n>', 'spans and lock events that a file shows one by one', wholeNumber(1), 100_000)
    .option('--row <n>', 'only this row of a benchmark, from 1', wholeNumber(1))
    .argument('<scenario>', 'a file, or the name of a scenario of the package')
    .option('--eager', 'synchronise after every charge: slower, same result', false)
    .option('--locks', 'show where the time went', false)
    .option(
      '--replications <n>',
      'run each row of the page fault test so often, with one seed after another (default 1)',
      wholeNumber(1),
    )
    .action((file: string, options) => {
      decide(async () => (await import('./run.ts')).run(io, file, options as never));
    });

  const steps = 'write its steps as chrome, perfetto, ftrace, csv or ndjson';
  exportable(patchable(command('explore', 'explore the interleavings of a scenario')), `of a counterexample: ${steps}`)
    .argument('<scenario>', 'a file, or the name of a scenario of the package')
    .addOption(new Option('--strategy <name>', 'how to search').choices(STRATEGIES).default(USUAL.strategy))
    .option('--bound <n>', 'preemptions with --strategy bounded, delays with delay (default 2)', wholeNumber(0))
    .option('--depth <n>', 'depth of the bugs that --strategy pct is after (default 3)', wholeNumber(1))
    .option('--executions <n>', 'stop after this many executions', wholeNumber(1))
    .option(...MAX_STEPS)
    .option('--check', 'exit 0 if the result is what the scenario expects, found bugs included', false)
    .option('--require-complete', 'exit 3 also if all schedules within a bound were seen', false)
    .option('--estimate', 'say about how many classes there are, from the first 1000, and stop', false)
    .option('--liveness', 'look for a cycle in which a thread acts for ever, instead of invariants', false)
    .option('--outcomes', 'list the final states, each with a schedule that leads there', false)
    .option(
      '--resume [checkpoint]',
      'go on where this search was interrupted; without a file from the usual place, if it is there',
    )
    .option('--checkpoint <file>', 'where to keep the search (default reports/checkpoints/)')
    .option('-o, --output <file>', 'where to write the trail of a counterexample')
    .action((file: string, options) => {
      decide(async () => (await import('./explore.ts')).explore(io, file, options as never));
    });

  patchable(command('check', 'explore many scenarios, a line each: is it all as they expect?'), CHECK_FORMATS)
    .argument('[scenarios...]', 'files, folders, or names and folders of the package (default: all of those)')
    .option('--executions <n>', 'stop each after this many executions', wholeNumber(1), 200_000)
    .option(...MAX_STEPS)
    .action((given: string[], options) => {
      decide(async () => (await import('./check.ts')).check(io, given, options as never));
    });

  exportable(
    patchable(
      command('replay', 'repeat a recorded schedule step by step (exit 1 if it fails again, 4 if it goes another way)'),
    ),
    steps,
  )
    .argument('<trail>', 'a trail file written by explore; with --schedule a scenario')
    .option('--schedule <line>', "who acts when: 'T1:7 T2:9 T1'")
    .action((file: string, options) => {
      decide(async () => (await import('./replay.ts')).replayCommand(io, file, options as never));
    });

  common(command('compare', 'two results of run --format json, or two scenarios that are run now, side by side'))
    .argument('<before>', 'a file of results, a folder of them, several with commas, or a scenario')
    .argument('<after>', 'the same of the other side')
    .option('--patch <patch>', 'apply a patch to the kernel of <after>, a scenario; again for more', several, [])
    .option('--fail-above <percent>', 'exit 1 if anything but a lock is worse by more than that', wholeNumber(0))
    .action((before: string, after: string, options) => {
      decide(async () => (await import('./compare.ts')).compare(io, before, after, options as never));
    });

  common(
    command('validate', 'measured against predicted, for every published table; curves without a kernel beside it'),
  )
    .argument('[tables...]', 'scenarios with a published table (default: all of the package)')
    .option('--scale <n>', 'simulate one part in n of the memory', wholeNumber(1, MAX_SCALE), 16)
    .option('--replications <n>', 'runs of each row in which placement is random', wholeNumber(1), 8)
    .option('-o, --output <file>', 'where the report goes', 'reports/validation.md')
    .action((given: string[], options) => {
      decide(async () => (await import('./validate.ts')).validateCommand(io, given, options as never));
    });

  patchable(
    command('report', 'pages about scenarios, each with a timeline; beside them Markdown and SVG of those named'),
  )
    .argument('[scenarios...]', 'files or names (default: all of the package, and an index)')
    .option('--scale <n>', 'simulate one part in n of the memory', wholeNumber(1, MAX_SCALE), 16)
    .option('--replications <n>', 'runs of each row in which placement is random', wholeNumber(1), 4)
    .option('--executions <n>', 'stop the search of a race after this many (exit 3)', wholeNumber(1), 200_000)
    .option('-o, --output <folder>', 'where the reports go', 'reports')
    .action((given: string[], options) => {
      decide(async () => (await import('./report.ts')).reportCommand(io, given, options as never));
    });

  patchable(command('whatif', 'what is gained if one cost, critical section or cache line takes less time'))
    .argument('<scenario>', 'a file, or the name of a scenario of the package')
    .option('--factor <x>', 'of the time it takes now: 0.5 is half, 2 twice', factor, 0.5)
    .option('--threads <n>', 'rows with so many threads; again for more (default: the most)', wholeNumbers(1), [])
    .option('--top <n>', 'show so many', wholeNumber(1), 20)
    .option('--scale <n>', 'simulate one part in n of the memory', wholeNumber(1, MAX_SCALE), 64)
    .option('--replications <n>', 'runs of each row in which placement is random', wholeNumber(1), 8)
    .option('--json', 'the same as --format json', false)
    .action((file: string, options) => {
      decide(async () => (await import('./whatif.ts')).whatIfCommand(io, file, options as never));
    });

  common(command('calibrate', 'find the free costs of a machine from tables of unpatched kernels'))
    .argument('<tables...>', 'scenarios with a published table')
    .option('--machine <profile>', 'whose costs (default: that of the first table)')
    .option('--scale <n>', 'simulate one part in n of the memory', wholeNumber(1, MAX_SCALE), 48)
    .option('--replications <n>', 'runs of each row in which placement is random', wholeNumber(1), 2)
    .option('--evaluations <n>', 'run all rows at most so often during the search', wholeNumber(2), 40)
    .option('--json', 'the same as --format json', false)
    .action((tables: string[], options) => {
      decide(async () => (await import('./calibrate.ts')).calibrateCommand(io, tables, options as never));
    });

  common(command('list', 'what there is: scenarios, kernels, machines, invariants, marks'))
    .addArgument(new Argument('[what]', 'one of the lists').choices(LISTS))
    .action((what: string | undefined, options: { format: string }) => {
      decide(async () => {
        const { list } = await import('./list.ts');
        return list(io, what === undefined ? LISTS : [what as never], options.format as never);
      });
    });

  command('layout', 'C structs of the page-fault path as pahole prints them, and what moving a member changes')
    .argument('[struct]', 'vm_fault; without it, what structs there are, and of which kernels')
    .addOption(
      new Option('--format <format>', 'plain as in mails; with pahole its tabs and columns')
        .choices(LAYOUT_FORMATS)
        .default('plain'),
    )
    .option('--kernel <version>', 'of which kernel, such as 3.15 or 4.10 (default v11, the patch of 2014)')
    .addOption(new Option('--bits <n>', 'of a word (default 64; with --move both)').choices(LAYOUT_BITS))
    .addOption(new Option('--line <bytes>', 'of a cache line (default 64; with --move all)').choices(LAYOUT_LINES))
    .option('--move <member=place>', 'what changes if a member moves: first, end or after:<member>')
    .action((name: string | undefined, options) => {
      decide(async () => (await import('./layout.ts')).layoutCommand(io, name, options as never));
    });

  common(command('demo', 'the main job in one go: a table and a race')).action((options) => {
    decide(async () => (await import('./demo.ts')).demo(io, options as never));
  });
  return top;
}

/** Run a command line; returns the exit code. Nothing is thrown. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  let action: Action | null = null;
  try {
    const top = program(io, (decided) => {
      action = decided;
    });
    if (args.length === 0) top.help({ error: true });
    top.parse([...args], { from: 'user' });
    return action === null ? EXIT.usage : await (action as Action)();
  } catch (error) {
    return failed(error, io, args);
  }
}

function failed(error: unknown, io: Io, args: readonly string[]): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UsageError) {
    io.err(`faultline: ${shown(error.message)}\n`);
    return EXIT.usage;
  }
  if (error instanceof Error && error.name === 'KernelBug') {
    io.err(`faultline: the run found a bug: ${shown(error.message)}\n`);
    return EXIT.finding;
  }
  if (error instanceof Error && error.name === 'Misuse') {
    io.err(`faultline: ${shown(error.message)}\n`);
    return EXIT.usage;
  }
  if (error instanceof Error && error.name === 'NotTheSame' && args.some((arg) => arg.startsWith('--patch'))) {
    io.err(`faultline: with this patch, ${shown(error.message)}\n`);
    return EXIT.usage;
  }
  if (error instanceof Error && error.name === 'ScenarioError') {
    io.err(`${error.message}\n`);
    return EXIT.usage;
  }
  io.err(
    `faultline: internal error, please report it\n${error instanceof Error ? (error.stack ?? '') : String(error)}\n`,
  );
  return EXIT.internal;
}

/** Names in it are shown as text, its lines are kept. */
function shown(message: string): string {
  return message.split('\n').map(visible).join('\n');
}

/** Started as a program, not imported by a test. */
function isProgram(): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url);
}

if (isProgram()) {
  process.setSourceMapsEnabled(true);
  runToEnd(() => main(process.argv.slice(2), processIo()));
}
