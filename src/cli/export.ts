/** `--export kind=file`: files for other people's tools, beside what is printed. */
import { basename, resolve } from 'node:path';
import type { TimedOptions } from '../drivers/timed/run.ts';
import type { Recording } from '../explain/record.ts';
import { visible } from '../export/escape.ts';
import { type ExportKind, Listener, TIMELINE_KINDS, type TimelineKind, timelineFile } from '../export/index.ts';
import { timelineOfSteps } from '../export/timeline.ts';
import { TICKS_PER_NS } from '../machine/profile.ts';
import { TimedRecorder } from '../trace/timed.ts';
import { UsageError } from './exit.ts';
import type { Io } from './io.ts';
import { EXPORTS } from './options.ts';
import { writeOutput } from './write.ts';

export interface ExportOptions {
  /** `kind=file`, any number of them. */
  readonly export?: readonly string[];
  /** Spans and lock events that a file shows one by one at most. */
  readonly exportLimit?: number;
  readonly quiet: boolean;
}

interface Export<Kind> {
  readonly kind: Kind;
  readonly file: string;
}

/** As the name of a file. */
const STDOUT = '-';

/** More than viewers like to open at once, a few MB. */
const LIMIT = 100_000;

export function exportsOf({ export: given = [] }: ExportOptions): Export<ExportKind>[] {
  return given.map((word) => {
    const [, kind, file] = /^([^=]*)=(.+)$/.exec(word) ?? [];
    const known = EXPORTS.find((one) => one === kind);
    if (kind === undefined) throw new UsageError(`--export wants kind=file, as in chrome=trace.json; not '${word}'`);
    if (known === undefined) throw new UsageError(`there is no export '${kind}'; there are ${EXPORTS.join(', ')}`);
    return { kind: known, file };
  });
}

/** The files that are written. */
export function exportFiles(options: ExportOptions): string[] {
  return exportsOf(options)
    .map(({ file }) => file)
    .filter((file) => file !== STDOUT);
}

/** A file on stdout stands there in place of the result. */
export function withExports(io: Io, options: ExportOptions): Io {
  const files = exportFiles(options);
  const twice = files.find((file, i) => files.some((other, k) => k < i && resolve(other) === resolve(file)));
  if (twice !== undefined) throw new UsageError(`two exports cannot go to one file: ${twice}`);
  const there = exportsOf(options).filter(({ file }) => file === STDOUT);
  if (there.length === 0) return io;
  if (there.length > 1) throw new UsageError('one export at most can go to stdout');
  if (there[0].kind === 'perfetto') throw new UsageError('perfetto is not text: give it a file');
  return { ...io, out: () => undefined, instead: io.out };
}

/** Those that show a schedule: without a clock there are no times to add up. */
export function stepExportsOf(options: ExportOptions): Export<TimelineKind>[] {
  return exportsOf(options).map(({ kind, file }) => {
    const known = TIMELINE_KINDS.find((one) => one === kind);
    if (known === undefined) {
      const those = TIMELINE_KINDS.join(', ');
      throw new UsageError(`'${kind}' needs a clock ('faultline run'); of a schedule there are ${those}`);
    }
    return { kind: known, file };
  });
}

/** What is listened to. */
export interface Exported extends Pick<TimedOptions, 'cpus' | 'profile'> {
  readonly title: string;
  /** One part in so many is run. Times of exports are of that part: what was seen is not multiplied. */
  readonly scale: number;
}

/** Run under the clock, listen, and write the files. `run` is told what to add to its options. */
export function runExported<Result>(
  io: Io,
  options: ExportOptions,
  world: Exported,
  run: (more: Partial<TimedOptions>) => Result,
): Result {
  const exports = exportsOf(options);
  if (exports.length === 0) return run({});
  const { cpus, profile, scale } = world;
  const part = `one part in ${scale} of the memory`;
  const title = scale === 1 ? world.title : `${world.title}, ${part}, times not multiplied`;
  if (scale > 1 && !options.quiet) io.err(`faultline: exports are of ${part}, and their times are not multiplied\n`);
  const listener = new Listener(
    exports.map(({ kind }) => kind),
    options.exportLimit ?? LIMIT,
  );
  const recorder = new TimedRecorder(Math.round(profile.lineHit.value * TICKS_PER_NS), listener.sinks);
  const result = recorder.watch(() => run({ watcher: recorder }));
  const { leftOut } = listener.timeline;
  if (leftOut > 0 && !options.quiet) {
    io.err(`faultline: ${leftOut} spans and lock events after the limit are left out (--export-limit)\n`);
  }
  for (const { kind, file } of exports)
    write(io, options, file, listener.file(kind, { title, cpus, tasks: recorder.tasks }));
  return result;
}

/** Of a scenario, for titles: where it lies is of the host. */
export function nameFor({ path }: { readonly path: string }): string {
  return basename(path).replace(/\.ya?ml$/, '');
}

/** A schedule as it was run again. */
export function exportRecording(io: Io, options: ExportOptions, title: string, recording: Recording): void {
  const exports = stepExportsOf(options);
  if (exports.length === 0) return;
  const timeline = timelineOfSteps(title, recording.steps, recording.execution.threads);
  for (const { kind, file } of exports) write(io, options, file, timelineFile(kind, timeline));
}

function write(io: Io, { quiet }: ExportOptions, file: string, data: string | Uint8Array): void {
  if (file === STDOUT) {
    io.instead!(String(data));
    return;
  }
  writeOutput(file, data);
  if (!quiet) io.err(`faultline: wrote ${visible(file)}\n`);
}
