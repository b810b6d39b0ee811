import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';

import { samplePicture } from '../support/sample-pictures.ts';
import { Service, type ServiceOptions } from '../support/service.ts';
import { openChromium } from './chromium.ts';

const OUTPUT = join(import.meta.dirname, '..', '..', 'test-output');

/** Anything that a page waits for comes within this, on a busy machine too. */
export const PATIENCE_MS = 120_000;

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
/** The smallest phone; and a window of 1280 pixels at 200 % zoom. Nothing may stick out there. */
const TIGHT = [
  { width: 320, height: 640 },
  { width: 640, height: 450 },
];

export interface PictureFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** A whole service and a browser on its page. Ends with a failure if the page complained about anything. */
export class Scene implements AsyncDisposable {
  readonly service: Service;
  readonly browser: Browser;
  readonly page: Page;
  /** What the console said and what was thrown, but for answers that a test expects to fail. */
  readonly complaints: string[] = [];

  private constructor(service: Service, browser: Browser, page: Page) {
    this.service = service;
    this.browser = browser;
    this.page = page;
    this.watch(page);
  }

  static async start(options: ServiceOptions = {}): Promise<Scene> {
    const service = await Service.start(options);
    const browser = await openChromium();
    const page = await browser.newPage({ viewport: DESKTOP, reducedMotion: 'reduce' });
    page.setDefaultTimeout(PATIENCE_MS);
    return new Scene(service, browser, page);
  }

  get url(): string {
    return `${this.service.url}/ui/`;
  }

  watch(page: Page): void {
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      const isAnswer = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isAnswer) this.complaints.push(message.text());
    });
  }

  async open(view: string): Promise<void> {
    await this.page.goto(`${this.url}#/${view}`);
    await this.page.getByRole('heading', { level: 1 }).first().waitFor({ state: 'attached' });
  }

  /**
   * Keeps pictures of what the page shows now, on a desktop in light and on a phone in dark, and fails with what keeps people from using
   * it: in light and dark, wide and narrow.
   */
  async shot(name: string): Promise<void> {
    await this.#look(name);
    for (const viewport of TIGHT) {
      await this.page.setViewportSize(viewport);
      await assertFits(this.page, `${name}, ${viewport.width} px wide`);
    }
    for (const viewport of [PHONE, DESKTOP]) {
      await this.page.setViewportSize(viewport);
      for (const colorScheme of ['dark', 'light'] as const) {
        await this.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await assertAccessible(this.page, `${name}, ${colorScheme}, ${viewport.width} px wide`);
      }
    }
  }

  /** The pictures come first: what the page shows may be over soon. */
  async #look(name: string): Promise<void> {
    mkdirSync(OUTPUT, { recursive: true });
    const keep = (file: string) =>
      this.page.screenshot({ path: join(OUTPUT, `${file}.png`), fullPage: true, animations: 'disabled' });
    await keep(name);
    await this.page.setViewportSize(PHONE);
    await this.page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
    await keep(`${name}-phone`);
  }

  /** What a screen reader makes of the page: roles, names and states, in order. */
  outline(selector = 'body'): Promise<string> {
    return this.page.locator(selector).ariaSnapshot();
  }

  /** Drops files somewhere, as a hand with a mouse does. */
  async drop(selector: string, files: readonly PictureFile[]): Promise<void> {
    const data = await this.page.evaluateHandle(fillTransfer, files.map(plain));
    for (const type of ['dragenter', 'dragover', 'drop']) {
      await this.page.dispatchEvent(selector, type, { dataTransfer: data });
    }
  }

  async paste(file: PictureFile): Promise<void> {
    const data = await this.page.evaluateHandle(fillTransfer, [plain(file)]);
    await this.page.evaluate(
      (clipboardData) =>
        document.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true })),
      data,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.service[Symbol.asyncDispose]();
    assert.deepEqual(this.complaints, [], 'the page complained');
  }
}

function plain({ name, mimeType, buffer }: PictureFile) {
  return { name, mimeType, base64: buffer.toString('base64') };
}

/** Runs in the browser. */
function fillTransfer(files: { name: string; mimeType: string; base64: string }[]): DataTransfer {
  const transfer = new DataTransfer();
  for (const { name, mimeType, base64 } of files) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: mimeType }));
  }
  return transfer;
}

export async function sample(number: 1 | 2 | 3 | 4 | 5 | 6): Promise<PictureFile> {
  return { name: `sample${number}.jpg`, mimeType: 'image/jpeg', buffer: await samplePicture(number) };
}

/** The same people as on sample 1, as another camera might have seen them. */
export async function otherTake(): Promise<PictureFile> {
  const buffer = await sharp(await samplePicture(1))
    .flop()
    .resize(1100)
    .modulate({ brightness: 1.15 })
    .jpeg({ quality: 80 })
    .toBuffer();
  return { name: 'party.jpg', mimeType: 'image/jpeg', buffer };
}

/** A portrait that `writeSamplePeople` has written. */
export async function portrait(name: string, path: string): Promise<PictureFile> {
  return { name: `${name}.jpg`, mimeType: 'image/jpeg', buffer: await readFile(path) };
}

/** Nobody is on it. */
export async function wallpaper(): Promise<PictureFile> {
  const buffer = await sharp({ create: { width: 320, height: 240, channels: 3, background: '#336699' } })
    .jpeg()
    .toBuffer();
  return { name: 'wallpaper.jpg', mimeType: 'image/jpeg', buffer };
}

/**
 * Fails with what axe-core finds serious or critical on what the page shows now. An answer that arrives while axe-core looks changes the
 * page under it, and colours on their way from one to the other have the contrast of neither: a fault is what is still there when the
 * page is looked at again.
 */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  let faults = await graveFaults(page);
  for (let look = 0; faults.length > 0 && look < 3; look++) {
    await page.waitForTimeout(500);
    faults = await graveFaults(page);
  }
  assert.deepEqual(faults, [], what);
}

/** Fails where something sticks out to the side, so that one has to scroll in two directions to read. */
async function assertFits(page: Page, what: string): Promise<void> {
  const width = () =>
    page.evaluate(async () => {
      await new Promise(requestAnimationFrame);
      const all = [document.documentElement, ...document.querySelectorAll('dialog[open]')];
      const excess = Math.max(...all.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
      const wide = [...document.querySelectorAll('main *, dialog *')]
        .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .map(({ outerHTML }) => outerHTML.slice(0, 120));
      return { excess, wide: wide.slice(0, 5) };
    });
  let found = await width();
  for (let look = 0; found.excess > 0 && look < 3; look++) {
    await page.waitForTimeout(300);
    found = await width();
  }
  assert.ok(found.excess <= 0, `${what}: ${found.excess} px stick out: ${found.wide.join(' | ')}`);
}

async function graveFaults(page: Page): Promise<string[]> {
  await page.evaluate(async () => {
    await new Promise(requestAnimationFrame);
    const transitions = document.getAnimations().filter((one) => one instanceof CSSTransition);
    await Promise.allSettled(transitions.map(({ finished }) => finished));
  });
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ['violations'] }),
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`,
    );
}

/** How far things jumped on the page since it was opened (cumulative layout shift, what users did apart). */
export function layoutShift(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let sum = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries() as unknown as readonly {
            value: number;
            hadRecentInput: boolean;
          }[]) {
            if (!entry.hadRecentInput) sum += entry.value;
          }
        }).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => resolve(sum), 200);
      }),
  );
}
