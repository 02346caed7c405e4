/**
 * Text as in trace_pipe: calls as the function tracer has them, locks and switches as their events have them. The
 * clock is virtual, in seconds to the nanosecond. A lock's address is its number; thread n is pid n + 1; of the flags
 * only the preempt count is known: spinning locks held.
 */
import { TICKS_PER_NS } from '../machine/profile.ts';
import type { LockEvent, Task } from '../trace/span.ts';
import { visible } from './escape.ts';
import { slicesOf, staysOf, type Stay } from './slices.ts';
import type { Timeline } from './timeline.ts';

interface Line {
  readonly at: number;
  readonly task: Task;
  readonly cpu: number;
  readonly depth: number;
  readonly text: string;
  /** Order within a moment. */
  readonly rank: number;
}

const COMM = 15;

export function ftrace(timeline: Timeline): string {
  const lines = [...switchLines(timeline), ...callLines(timeline), ...lockLines(timeline)];
  // stable: lines of one moment and kind stay in order
  lines.sort((a, b) => a.at - b.at || a.rank - b.rank);
  const count = `${lines.length}/${lines.length + timeline.leftOut}   #P:${timeline.cpus}`;
  const head = [
    '# tracer: function',
    '#',
    `# ${visible(timeline.title)}`,
    `# entries-in-buffer/entries-written: ${count}`,
    '#',
    '#                                _-----=> irqs-off/BH-disabled',
    '#                               / _----=> need-resched',
    '#                              | / _---=> hardirq/softirq',
    '#                              || / _--=> preempt-depth',
    '#                              ||| / _-=> migrate-disable',
    '#                              |||| /     delay',
    '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
    '#              | |         |   |||||     |         |',
  ];
  return `${[...head, ...lines.map(lineOf)].join('\n')}\n`;
}

function lineOf({ at, task, cpu, depth, text }: Line): string {
  const who = `${comm(task).padStart(16)}-${String(pidOf(task)).padEnd(7)}`;
  const preempt = depth === 0 ? '.' : Math.min(depth, 15).toString(16);
  const ns = String(Math.round(at / TICKS_PER_NS)).padStart(10, '0');
  const time = `${ns.slice(0, -9)}.${ns.slice(-9)}`.padStart(15);
  return `${who} [${String(cpu).padStart(3, '0')}] ...${preempt}. ${time}: ${text}`;
}

/** TASK_COMM_LEN is 16. Blanks and colons would end the name. */
function comm({ name }: Task): string {
  return visible(name).replace(/[\s:]/g, '_').slice(0, COMM);
}

function pidOf({ id }: Task): number {
  return id + 1;
}

function callLines(timeline: Timeline): Line[] {
  return slicesOf(timeline)
    .filter(({ frame }) => frame !== null && frame.file !== '')
    .map(({ from: at, task, name, caller, span: { cpu } }) => {
      const text = caller === '' ? visible(name) : `${visible(name)} <-${visible(caller)}`;
      return { at, task, cpu, depth: 0, text, rank: 3 };
    });
}

function lockLines({ locks }: Timeline): Line[] {
  const waiting = new Set<string>();
  const lines = locks.flatMap((event) => {
    const key = `${event.task.id} ${event.lock.number}`;
    const { at, task, cpu, depth } = event;
    const line = (rank: number, text: string): Line => ({ at, task, cpu, depth, text, rank });
    const address = `0x${event.lock.number.toString(16).padStart(16, '0')}`;
    if (event.what === 'contended') {
      waiting.add(key);
      return [line(4, `contention_begin: ${address} (flags=${flagsOf(event)})`)];
    }
    if (event.what === 'released') return [line(1, `lock_release: ${address} ${visible(event.lock.name)}`)];
    const acquired = line(2, `lock_acquired: ${address} ${visible(event.lock.name)}`);
    return waiting.delete(key) ? [line(2, `contention_end: ${address} (ret=0)`), acquired] : [acquired];
  });
  return lines;
}

/** As contention_begin has them. */
function flagsOf({ lock: { type }, shared }: LockEvent): string {
  if (type === 'spinlock') return 'SPIN';
  if (type === 'rwsem') return shared ? 'READ' : 'WRITE';
  return type === 'mutex' ? 'MUTEX' : '0x0';
}

/** From one stay on a CPU to the next; between them the CPU is idle, or is not if they touch. */
function switchLines(timeline: Timeline): Line[] {
  // A schedule says who acts, not who has a CPU; and who was last before the limit has not ended.
  if (!timeline.clock) return [];
  const stays = staysOf(timeline);
  return Array.from({ length: timeline.cpus }, (_, cpu) => stays.filter((stay) => stay.cpu === cpu)).flatMap((mine) =>
    mine.flatMap((stay, i) => switchesOf(stay, mine[i - 1], mine[i + 1], timeline.leftOut > 0)),
  );
}

function switchesOf(stay: Stay, before: Stay | undefined, after: Stay | undefined, cut: boolean): Line[] {
  const idle: Task = { id: -1, name: '<idle>', cpu: stay.cpu, device: false };
  const line = (at: number, from: Task, state: string, to: Task): Line => ({
    ...{ at, task: from, cpu: stay.cpu, depth: 0, rank: 0 },
    text:
      `sched_switch: prev_comm=${named(from)} prev_pid=${pidOf(from)} prev_prio=120 prev_state=${state} ==> ` +
      `next_comm=${named(to)} next_pid=${pidOf(to)} next_prio=120`,
  });
  const touches = before?.to === stay.from;
  const comes = touches ? [] : [line(stay.from, idle, 'R', stay.task)];
  return stay.left === 'X' && cut
    ? comes
    : [...comes, line(stay.to, stay.task, stay.left, after?.from === stay.to ? after.task : idle)];
}

function named(task: Task): string {
  return task.id < 0 ? `swapper/${task.cpu}` : comm(task);
}
