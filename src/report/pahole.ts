/**
 * A layout as pahole (of dwarves 1.24) prints it. The pahole of 2014 also had a line where the last member ends on a
 * boundary, and said "1 bytes ago".
 */
import { type Layout, linesOf, type Placed, sumsOf } from '../layout/layout.ts';
import { plural } from '../machine/plural.ts';

const TYPE = 26;
const TYPE_AND_NAME = 49;

/** With its tabs and columns. */
export function pahole(name: string, layout: Layout, lineBytes: number): string {
  const lines: string[] = [];
  let line = 0;
  for (const member of layout.members) {
    if (Math.floor(member.offset / lineBytes) > line) {
      line = Math.floor(member.offset / lineBytes);
      lines.push(boundary(line, member.offset % lineBytes, lineBytes));
    }
    lines.push(memberLine(member));
    if (member.hole > 0) lines.push('', `/* XXX ${plural(member.hole, 'byte')} hole, try to pack */`, '');
  }
  lines.push('', ...totals(layout, lineBytes));
  const body = lines.map((text) => (text === '' ? '' : `\t${text}`));
  return [`struct ${name} {`, ...body, '};', ''].join('\n');
}

function memberLine({ name, type, offset, size }: Placed): string {
  const declared = `${type.padEnd(TYPE)} ${name};`;
  const [at, bytes] = [offset, size].map((n) => `${n}`.padStart(5));
  return `${declared.padEnd(Math.max(TYPE_AND_NAME, declared.length + 1))}/* ${at} ${bytes} */`;
}

function boundary(line: number, past: number, lineBytes: number): string {
  const ago = past === 0 ? '' : ` was ${plural(past, 'byte')} ago`;
  return `/* --- cacheline ${line} boundary (${line * lineBytes} bytes)${ago} --- */`;
}

function totals(layout: Layout, lineBytes: number): string[] {
  const { size, members, padding } = layout;
  const sums = sumsOf(layout);
  const last = size % lineBytes;
  const lines = [`/* size: ${size}, cachelines: ${linesOf(layout, lineBytes)}, members: ${members.length} */`];
  if (sums.holes > 0)
    lines.push(`/* sum members: ${sums.members}, holes: ${sums.holes}, sum holes: ${sums.holeBytes} */`);
  if (padding > 0) lines.push(`/* padding: ${padding} */`);
  if (last > 0) lines.push(`/* last cacheline: ${last} bytes */`);
  return lines;
}

/** As an archive of mails shows such a text: no tabs, and one blank where there were several. */
export function asArchived(text: string): string {
  return text.replace(/^\t+/gm, '').replace(/ {2,}/g, ' ');
}
