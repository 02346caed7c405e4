/** Every page of reports/ in a browser: it loads nothing, complains of nothing, fits a phone, and its timeline works. */
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { CHROMIUM, skipWithoutChromium } from './support/chromium.ts';
import { long } from './support/long.ts';

const ARGUMENTS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const PHONE = { width: 390, height: 844 };
const LAPTOP = { width: 1440, height: 900 };

const files = readdirSync('reports', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));

/** What a page shows of its timeline. */
interface Shown {
  readonly overflow: number;
  readonly where: string;
  readonly now: string;
  readonly boxes: number;
  readonly widest: number;
}

/** Run in the page, where there is a document. */
const LOOK = `({
  overflow: document.documentElement.scrollWidth - window.innerWidth,
  where: document.querySelector('.where')?.textContent ?? '',
  now: document.querySelector('.now')?.textContent ?? '',
  boxes: document.querySelectorAll('.lanes .box').length,
  widest: Math.max(0, ...[...document.querySelectorAll('.lanes .box')].map((box) => Number(box.getAttribute('width')))),
})`;

function shown(page: Page): Promise<Shown> {
  return page.evaluate<Shown>(LOOK);
}

async function press(page: Page, ...keys: readonly string[]): Promise<Shown> {
  for (const key of keys) await page.keyboard.press(key);
  return shown(page);
}

describe('pages', function () {
  this.timeout(240_000);
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** What went wrong, and what was asked for, since it was looked at last. */
  let complaints: string[] = [];
  let requests: string[] = [];

  before(async function () {
    skipWithoutChromium(this);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
    context = await browser.newContext({ viewport: PHONE, hasTouch: true });
    page = await context.newPage();
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
  });
  after(async () => {
    await browser?.close();
  });

  async function open(file: string): Promise<void> {
    complaints = [];
    requests = [];
    await page.goto(pathToFileURL(resolve('reports', file)).href);
  }

  it('there are some', () => {
    expect(files).to.include('index.html');
    expect(files.length).to.be.greaterThan(200);
  });

  it(`load nothing but themselves, say nothing, and fit a phone; timelines step and zoom by keys${long ? '' : ': every tenth'}`, async () => {
    for (const file of files.filter((_, i) => long || i % 10 === 0)) {
      await open(file);
      const first = await shown(page);
      expect(first.overflow, `${file} is too wide`).to.equal(0);
      if (await page.locator('#timeline').count()) await steps(file, first);
      expect(complaints, file).to.deep.equal([]);
      expect(requests, file).to.deep.equal([pathToFileURL(resolve('reports', file)).href]);
    }
  });

  async function steps(file: string, first: Shown): Promise<void> {
    expect(first.boxes, `${file}: boxes`).to.be.greaterThan(0);
    const one = await press(page, 'ArrowRight');
    expect(one.now, `${file}: a step on`).to.not.equal(first.now);
    const back = await press(page, 'ArrowLeft');
    expect([back.where, back.now], `${file}: a step back`).to.deep.equal([first.where, first.now]);
    const near = await press(page, '+', '+');
    expect(near.widest, `${file}: zoomed in`).to.be.greaterThan(first.widest);
    const far = await press(page, '0');
    expect(far.widest, `${file}: all again`).to.be.closeTo(first.widest, 0.01);
  }

  it('step to the end and back to where they began, whatever way', async () => {
    await page.setViewportSize(LAPTOP);
    await open('races/anon-fault+anon-fault-no-recheck.html');
    const world = (): Promise<string> => page.locator('.world').innerText();
    const [start, begun] = [await world(), await shown(page)];
    await page.locator('.lanes').focus();
    await press(page, 'End');
    expect(await page.locator('.world').innerText()).to.match(/pfn 12 rw dirty/);
    expect(await page.locator('.now').innerText()).to.match(/lost store/);
    await press(page, ...Array<string>(Number(/of (\d+)/.exec(begun.where)![1])).fill('ArrowLeft'));
    expect(await world()).to.equal(start);
    await page.locator('[data-go="last"]').click();
    await page.locator('[data-go="first"]').click();
    expect(await world()).to.equal(start);
  });

  it('show what a step has changed, old and new', async () => {
    await open('races/anon-fault+anon-fault-no-recheck.html');
    await page.locator('.cursor').fill('38'); // step 39 of the README: T1 writes over the pte of T2
    const changed = page.locator('.changed').filter({ hasText: 'pfn 24 rw dirty' });
    expect(await changed.locator('del').first().innerText()).to.equal('pfn 24 rw dirty');
    expect(await changed.locator('ins').first().innerText()).to.equal('pfn 12 rw dirty');
  });

  it('take clicks, drags and the wheel', async () => {
    await open('races/anon-fault+anon-fault-no-recheck.html');
    const lanes = (await page.locator('.lanes').boundingBox())!;
    await page.mouse.click(lanes.x + 8, lanes.y + 50);
    const before = await shown(page);
    expect(before.where).to.match(/^step 1 /);
    await page.mouse.wheel(0, -600); // the click has given the lanes the focus
    const near = await shown(page);
    expect(near.widest).to.be.greaterThan(before.widest * 2);
    const name = (): Promise<string | null> => page.locator('.lanes text.tick').first().textContent();
    const left = await name();
    await page.mouse.move(lanes.x + 600, lanes.y + 50);
    await page.mouse.down();
    await page.mouse.move(lanes.x + 100, lanes.y + 50, { steps: 4 });
    await page.mouse.up();
    expect(await name()).to.not.equal(left);
    await page.locator('[data-run="1"]').click();
    expect(await page.locator('.now').innerText()).to.match(/repeat: npx faultline replay/);
  });

  it('the index filters by words', async () => {
    await open('index.html');
    await page.keyboard.press('Tab');
    await page.locator('#filter').fill('truncate v3.14');
    const visible = page.locator('[data-report]:visible');
    const texts = await visible.allInnerTexts();
    expect(texts.length).to.be.greaterThan(0);
    expect(texts.length).to.be.lessThan(100);
    for (const text of texts) expect(text).to.match(/truncat/i);
    expect(await page.locator('#count').innerText()).to.match(/^\d+ of \d+ reports$/);
  });

  it('can be read without a script', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false, viewport: PHONE });
    const reader = await plain.newPage();
    await reader.goto(pathToFileURL(resolve('reports/races/anon-fault+anon-fault-no-recheck.html')).href);
    const text = await reader.locator('main').innerText();
    expect(text).to.include('The timeline needs JavaScript').and.to.include(':46 spin_lock(mm.page_table_lock)');
    expect(await reader.locator('#drawn svg').isVisible()).to.equal(true);
    await plain.close();
    await open('races/anon-fault+anon-fault-no-recheck.html');
    expect(await page.locator('#drawn svg').isVisible(), 'folded away where there is the timeline').to.equal(false);
  });
});
