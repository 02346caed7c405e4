/**
 * Exports, given to the readers of other people: speedscope's schema and its viewer, protobufjs with Perfetto's messages,
 * xmllint, and the documents that say what Chrome's and the kernel's formats hold.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import pc from 'picocolors';
import { type Browser, chromium, type Page } from 'playwright-core';
import protobuf from 'protobufjs';
import { z } from 'zod';
import { main } from '../src/cli/main.ts';
import { junit } from '../src/export/ci.ts';
import { CHROMIUM, skipWithoutChromium } from './support/chromium.ts';
import { junitXsd } from './support/junit.ts';
import { SPEEDSCOPE, speedscopeSchema } from './support/speedscope.ts';
import { skip } from './support/skip.ts';

const RACE = 'races/anon-fault+anon-fault';
const SEQREAD = 'scaling/seqread-cached-file';

/** What a command prints. */
async function faultline(...args: string[]): Promise<string> {
  let out = '';
  const io = { out: (text: string) => void (out += text), err: () => undefined, width: 80 };
  await main(args, { ...io, colors: pc.createColors(false), interactive: false });
  return out;
}

async function exported(kind: string, ...what: string[]): Promise<string> {
  return faultline('run', ...what, '--export', `${kind}=-`);
}

describe("speedscope's schema", () => {
  for (const what of [[RACE], ['races/cow-flush+anon-fault'], [SEQREAD, '--row', '3', '--export-limit', '1000']]) {
    it(`takes ${what.join(' ')}`, async () => {
      const file = JSON.parse(await exported('speedscope', ...what)) as { profiles: unknown[] };
      expect(speedscopeSchema.safeParse(file).error).to.equal(undefined);
      expect(file.profiles.length).to.be.above(1);
    });
  }

  it('refuses what is not as it should be', async () => {
    const file = JSON.parse(await exported('speedscope', RACE)) as { profiles: { unit: string }[] };
    file.profiles[0].unit = 'fortnights';
    expect(speedscopeSchema.safeParse(file).success).to.equal(false);
    expect(speedscopeSchema.safeParse({ ...file, shared: {} }).success).to.equal(false);
  });
});

describe("speedscope's viewer", function () {
  this.timeout(120_000);
  let browser: Browser;
  let folder = '';
  before(async function () {
    skipWithoutChromium(this);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    folder = mkdtempSync(join(tmpdir(), 'faultline-'));
  });
  after(async () => {
    await browser?.close();
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  /** The page with the file open, or refused; what it has complained about. */
  async function opened(name: string, data: string): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['warning', 'error'].includes(message.type()) && !message.text().includes('WebGL'))
        complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => {
      complaints.push(dialog.message());
      void dialog.dismiss();
    });
    const script = join(folder, `${name}.js`);
    const words = [name, Buffer.from(data).toString('base64')].map((word) => JSON.stringify(word));
    writeFileSync(script, `speedscope.loadFileFromBase64(${words.join(', ')})`);
    const done = page.waitForEvent('console', {
      predicate: (message) => message.text().startsWith('import:'),
      timeout: 20_000,
    });
    const refused = page.waitForEvent('dialog', { timeout: 20_000 });
    await page.goto(`${pathToFileURL(resolve(SPEEDSCOPE, 'index.html')).href}#localProfilePath=${script}`);
    await Promise.any([done, refused]);
    await Promise.allSettled([page.waitForFunction('document.title.includes(" - ")', null, { timeout: 1000 })]);
    return { page, complaints };
  }

  const files = [
    ['speedscope', 'run.speedscope.json', 'T1'],
    ['chrome', 'run.json', 'CPU0'],
    ['collapsed', 'run.txt', 'run.txt'],
  ] as const;
  for (const [kind, name, shown] of files) {
    it(`opens ${kind}, and does not complain`, async () => {
      const { page, complaints } = await opened(name, await exported(kind, RACE));
      expect(complaints).to.deep.equal([]);
      expect(await page.title()).to.match(/ - speedscope$/);
      expect(await page.evaluate('document.body.innerText')).to.contain(shown);
    });
  }

  it('complains of what it does not know, and of slices that cross', async () => {
    expect((await opened('nothing.json', '{"nothing":1}')).complaints).to.deep.equal([
      'Unrecognized format! See documentation about supported formats.',
    ]);
    const event = (name: string, ph: string, ts: number) => ({ name, ph, ts, pid: 1, tid: 1 });
    const crossed = [event('a', 'B', 0), event('b', 'B', 1), event('a', 'E', 2), event('b', 'E', 3)];
    expect((await opened('crossed.json', JSON.stringify(crossed))).complaints).not.to.deep.equal([]);
  });
});

describe('Trace Event Format', () => {
  // docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
  const place = { pid: z.int(), tid: z.int() };
  const slice = {
    ...place,
    name: z.string(),
    cat: z.string(),
    ts: z.number().min(0),
    args: z.record(z.string(), z.string()).optional(),
  };
  const event = z.union([
    z.strictObject({ ph: z.literal('M'), name: z.enum(['process_name', 'thread_name']), ...place, args: z.strictObject({ name: z.string() }) }),
    z.strictObject({ ph: z.literal('M'), name: z.literal('process_sort_index'), ...place, args: z.strictObject({ sort_index: z.int() }) }),
    z.strictObject({ ph: z.enum(['B', 'E']), ...slice }),
    z.strictObject({ ph: z.enum(['b', 'e']), ...slice, id: z.string() }),
  ]); // prettier-ignore
  const file = z.strictObject({
    displayTimeUnit: z.enum(['ms', 'ns']),
    otherData: z.record(z.string(), z.unknown()),
    traceEvents: z.array(event),
  });

  it('has the fields that are documented for each phase, and slices that nest', async () => {
    const { traceEvents } = file.parse(JSON.parse(await exported('chrome', RACE)));
    const open = new Map<string, string[]>();
    let last = new Map<string, number>();
    for (const one of traceEvents) {
      if (one.ph !== 'B' && one.ph !== 'E') continue;
      const track = `${one.pid} ${one.tid}`;
      const stack = open.get(track) ?? [];
      open.set(track, stack);
      expect(one.ts).to.be.at.least(last.get(track) ?? 0);
      last = last.set(track, one.ts);
      if (one.ph === 'B') stack.push(one.name);
      else expect(stack.pop()).to.equal(one.name);
    }
    expect([...open.values()].every((stack) => stack.length === 0)).to.equal(true);
    const ids = (ph: string): unknown[] => traceEvents.flatMap((one) => (one.ph === ph && 'id' in one ? [one.id] : []));
    expect(ids('b').length).to.be.above(0);
    expect(ids('e')).to.deep.equal(ids('b'));
  });
});

describe('Perfetto', () => {
  interface Packet {
    readonly timestamp: number;
    readonly trustedPacketSequenceId: number;
    readonly trackDescriptor?: { readonly uuid: number; readonly parentUuid?: number; readonly process?: object };
    readonly trackEvent?: { readonly type: string; readonly trackUuid: number; readonly name?: string };
  }

  const Trace = protobuf.loadSync('test/support/perfetto.proto').lookupType('perfetto.protos.Trace');
  const packetsOf = async (...what: string[]): Promise<{ bytes: Uint8Array; packets: Packet[] }> => {
    const folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    const path = join(folder, 'trace');
    await faultline('run', ...what, '--export', `perfetto=${path}`);
    const bytes = readFileSync(path);
    rmSync(folder, { recursive: true });
    const { packet } = Trace.toObject(Trace.decode(bytes), { longs: Number, enums: String }) as { packet: Packet[] };
    return { bytes, packets: packet };
  };

  for (const what of [[RACE], [SEQREAD, '--row', '3', '--export-limit', '2000']]) {
    it(`${what.join(' ')}: no field that its messages have not, nothing lost on the way`, async () => {
      const { bytes, packets } = await packetsOf(...what);
      // what the definitions do not know would not be written again
      expect(Trace.encode(Trace.decode(bytes)).finish().length).to.equal(bytes.length);
      expect(packets.length).to.be.above(20);
    });

    it(`${what.join(' ')}: events in order that begin and end on tracks which are described`, async () => {
      const { packets } = await packetsOf(...what);
      const tracks = new Map(packets.flatMap(({ trackDescriptor }) => (trackDescriptor === undefined ? [] : [[trackDescriptor.uuid, trackDescriptor] as const]))); // prettier-ignore
      const depth = new Map<number, number>();
      let last = 0;
      for (const { timestamp, trustedPacketSequenceId, trackEvent } of packets) {
        expect(trustedPacketSequenceId).to.equal(1);
        if (trackEvent === undefined) continue;
        const { type, trackUuid, name } = trackEvent;
        expect(tracks.has(trackUuid)).to.equal(true);
        expect(timestamp).to.be.at.least(last);
        last = timestamp;
        expect(name !== undefined).to.equal(type === 'TYPE_SLICE_BEGIN');
        depth.set(trackUuid, (depth.get(trackUuid) ?? 0) + (type === 'TYPE_SLICE_BEGIN' ? 1 : -1));
        expect(depth.get(trackUuid)).to.be.at.least(0);
      }
      expect([...depth.values()].every((open) => open === 0)).to.equal(true);
      for (const { parentUuid, process } of tracks.values()) {
        expect(parentUuid === undefined ? process !== undefined : tracks.has(parentUuid)).to.equal(true);
      }
    });
  }

  it('names functions, locks and what is waited for', async () => {
    const { packets } = await packetsOf(RACE);
    const names = packets.flatMap(({ trackEvent }) => trackEvent?.name ?? []);
    expect(names).to.include.members(['do_anonymous_page', 'handle_mm_fault', 'spin: mm.page_table_lock']);
  });
});

describe('lock_stat', () => {
  // Documentation/locking/lockstat.rst: these, in this order
  const columns = [
    ...['con-bounces', 'contentions', 'waittime-min', 'waittime-max', 'waittime-total', 'waittime-avg'],
    ...['acq-bounces', 'acquisitions', 'holdtime-min', 'holdtime-max', 'holdtime-total', 'holdtime-avg'],
  ];

  it('has the columns of the document, in their order, and figures that fit each other', async () => {
    const lines = (await exported('lock_stat', RACE)).split('\n');
    const head = lines.find((line) => line.includes('class name'))!;
    expect(head.trim().split(/\s+/).slice(2)).to.deep.equal(columns);
    const rows = lines.filter((line) => /^ *\S+: +\d/.test(line));
    expect(rows.length).to.be.above(1);
    for (const row of rows) {
      const cells = row
        .slice(row.lastIndexOf(': ') + 2)
        .trim()
        .split(/\s+/)
        .map(Number);
      expect(cells).to.have.length(columns.length);
      const of = (name: string): number => cells[columns.indexOf(name)];
      expect(of('con-bounces')).to.be.at.most(of('contentions'));
      expect(of('acq-bounces')).to.be.at.most(of('acquisitions'));
      for (const [time, count] of [
        ['waittime', 'contentions'],
        ['holdtime', 'acquisitions'],
      ]) {
        expect(of(`${time}-min`)).to.be.at.most(of(`${time}-avg`));
        expect(of(`${time}-avg`)).to.be.at.most(of(`${time}-max`));
        expect(of(`${time}-avg`) * of(count)).to.be.closeTo(of(`${time}-total`), 0.01 * of(count) + 0.01);
      }
    }
  });
});

describe('JUnit, read by xmllint', () => {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** What xmllint says; null: it is not there. */
  function linted(xml: string): { status: number | null; stderr: string } | null {
    const [schema, file] = [join(folder, 'junit.xsd'), join(folder, 'junit.xml')];
    writeFileSync(schema, junitXsd());
    writeFileSync(file, xml);
    const { error, status, stderr } = spawnSync('xmllint', ['--noout', '--schema', schema, file], { encoding: 'utf8' });
    return error === undefined ? { status, stderr } : null;
  }

  it('results of check, and names of all kinds, are valid; what is wrong is found', async function () {
    const nasty = ['<script>', `"'&;`, '\u001b[31m', '\u202egnp', 'a\nb', ']]>', '\ud800', 'é'];
    const cases = nasty.flatMap((name, i) => [
      { name, found: name, problems: i % 2 === 0 ? [name, 'x'] : [], skipped: null },
      { name, found: name, problems: [], skipped: name },
    ]);
    const xml = await faultline('check', RACE, 'scaling/pft-altix-1g', '--format', 'junit', '-q');
    const [real, odd, wrong] = [xml, junit('<s>', cases), xml.replace('<testcase ', '<testcase colour="red" ')].map(
      linted,
    );
    if (real === null) skip(this, 'there is no xmllint');
    expect(real.status, real.stderr).to.equal(0);
    expect(odd!.status, odd!.stderr).to.equal(0);
    expect(wrong!.status).to.equal(3);
    expect(wrong!.stderr).to.contain('colour');
  });
});
