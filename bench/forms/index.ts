/**
 * The forms in which the fault path could be written. All do the same steps on the same kernel objects: each thread
 * writes to the pages of its own part of one address space; no fork, no exit.
 */
import { insert_vm_struct } from '../../src/kernel/mmap.ts';
import { mm_alloc } from '../../src/kernel/fork.ts';
import { type Mm, type System, VM_READ, VM_WRITE, type Vma } from '../../src/kernel/structs.ts';
import type { Coroutine } from '../../src/machine/step.ts';
import { Birth } from '../../src/machine/thread.ts';
import { flat } from './flat.ts';
import { leaves } from './leaves.ts';
import { machine } from './machine.ts';
import { nested, stopping } from './nested.ts';

/** The program of one thread: write to every page of the vma. */
export type Form = (mm: Mm, vma: Vma, cpu: number) => Coroutine;

export const forms: Readonly<Record<string, { readonly text: Form; readonly about: string }>> = {
  nested: { text: nested, about: 'generators, nested yield*: the kernel text as it is' },
  stopping: { text: stopping, about: 'the kernel text, stopping at every step' },
  leaves: { text: leaves, about: 'generators, every primitive one of its own' },
  flat: { text: flat, about: 'one flat generator per thread, inlined by hand' },
  machine: { text: machine, about: 'a state machine with next(), written by hand' },
  eager: { text: nested, about: 'the kernel text, every charge an event (eager)' },
};

export function formBirths(name: string, system: System, threads: number, pages: number): Birth[] {
  const mm = mm_alloc(system, 'bench');
  const { text } = forms[name];
  return Array.from({ length: threads }, (_, cpu) => {
    const vma = insert_vm_struct(mm, `heap${cpu}`, pages, VM_READ | VM_WRITE);
    return new Birth(`thread${cpu}`, cpu, () => text(mm, vma, cpu));
  });
}
