/**
 * Lameter's page fault test (pft): per repetition fork a child; the child starts N threads; each mallocs its share
 * and writes one byte per page; join; exit. The teardown by the single thread that is left is part of the measurement.
 *
 * The original strides by 16384 bytes whatever the page size; here the stride is a page, so that the number of pages
 * it computes is the number it touches.
 */
import { Cell, poll_for, wait_for, WRITE_ONCE } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { Birth, running, spawn, SYSTEM, USER } from '../machine/thread.ts';
import { clone_vm, dup_mm, mm_alloc, mmput } from '../kernel/fork.ts';
import { sys_mmap } from '../kernel/mmap.ts';
import { page_size } from '../kernel/pgtable.ts';
import type { Mm, System } from '../kernel/structs.ts';
import { user_store } from './user.ts';

export interface PftOptions {
  /** GiB allocated per repetition, over all threads. */
  readonly gb: number;
  readonly repetitions: number;
  readonly threads: number;
  readonly cpus: number;
}

/** Pages the test reports, computed from the command line as the original does. */
export function pftPages(options: PftOptions, pageBytes: number): number {
  return options.repetitions * options.threads * pagesPerThread(options, pageBytes);
}

function pagesPerThread(options: PftOptions, pageBytes: number): number {
  return Math.floor((options.gb * 2 ** 30) / pageBytes / options.threads);
}

/** The parent: one child after the other. */
export function* pft(system: System, options: PftOptions): Coroutine {
  const mm = mm_alloc(system, 'pft');
  for (let repetition = 1; repetition <= options.repetitions; repetition++) {
    running.mode = SYSTEM;
    const childMm = yield* dup_mm(mm, `child${repetition}`);
    if (childMm === null) return;
    const child = new Birth(`child${repetition}`, 0, () => pftChild(childMm, options));
    yield* spawn(child);
    running.mode = USER;
    yield* wait_for(child.exited, 1);
  }
}

function* pftChild(mm: Mm, options: PftOptions): Coroutine {
  const go = new Cell(`${mm.name}.go`);
  const threads: Birth[] = [];
  running.mode = SYSTEM;
  for (let i = 0; i < options.threads; i++) {
    yield* clone_vm(mm);
    const thread = new Birth(`${mm.name}.${i + 1}`, i % options.cpus, () => pftThread(mm, go, options), true);
    threads.push(thread);
    yield* spawn(thread);
  }
  running.mode = USER;
  yield* WRITE_ONCE(go, 1);
  for (const thread of threads) yield* wait_for(thread.exited, 1);
  running.mode = SYSTEM;
  yield* mmput(mm);
}

function* pftThread(mm: Mm, go: Cell, options: PftOptions): Coroutine {
  yield* poll_for(go, 1);
  const size = page_size(mm);
  const pages = pagesPerThread(options, size);
  running.mode = SYSTEM;
  const vma = yield* sys_mmap(mm, `${running.name}.heap`, pages);
  running.mode = USER;
  for (let i = 0; i < pages; i++) {
    yield* user_store(mm, vma.vm_start + i * size, 0, 1);
  }
  running.mode = SYSTEM;
  yield* mmput(mm);
}
