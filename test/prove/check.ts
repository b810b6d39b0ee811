import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findSitters, pictureOf, type Sitter } from '../support/face-pictures.ts';
import { temporaryFolder } from '../support/service.ts';

/** How much of a check to run: `npm prove` runs it whole, `npm test` a short seeded form. */
export interface CheckScale {
  readonly whole: boolean;
  readonly seed: number;
}

/** Figures of a check that held; it throws when it did not. */
export type Figures = Readonly<Record<string, number | string>>;

export interface Check {
  readonly name: string;
  readonly promise: string;
  run(scale: CheckScale, report: (line: string) => void): Promise<Figures>;
}

/** What all checks share: people, and a service that knows them. Made once. */
let sitters: Promise<Sitter[]> | undefined;
export function knownSitters(): Promise<Sitter[]> {
  sitters ??= findSitters(join(temporaryFolder(), 'models'));
  return sitters;
}

/** Faces that were added are in every worker's copy after this: until then one may answer without them. */
const VISIBLE_EVERYWHERE_MS = 2000;

/** A service, wherever it runs, that commands can be given. */
export interface EnrollingService {
  command(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
}

/** Enrols every sitter from a folder per person, as a user does. */
export async function enrolSitters(service: EnrollingService): Promise<Sitter[]> {
  const people = await knownSitters();
  const folder = temporaryFolder();
  for (const sitter of people) {
    const own = join(folder, sitter.name);
    await mkdir(own, { recursive: true });
    await writeFile(join(own, 'portrait.jpg'), sitter.portrait);
  }
  const outcome = await service.command('enroll', folder);
  if (outcome.code !== 0)
    throw new Error(`enroll ended with ${outcome.code}: ${outcome.stdout}${outcome.stderr}`);
  await sleep(VISIBLE_EVERYWHERE_MS);
  return people;
}

export interface NamedPicture {
  readonly name: string;
  readonly bytes: Buffer;
}

/** `count` different pictures of the sitters in turn. */
export async function picturesOf(
  people: readonly Sitter[],
  options: { count: number; seed: number; sidePx: number },
): Promise<NamedPicture[]> {
  const pictures: NamedPicture[] = [];
  for (let index = 0; index < options.count; index++) {
    const sitter = people[index % people.length]!;
    pictures.push({
      name: sitter.name,
      bytes: await pictureOf(sitter, { seed: options.seed + index, sidePx: options.sidePx }),
    });
  }
  return pictures;
}

export interface PostAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** `POST /` as the original's clients do it. */
export async function post(
  url: string,
  picture: Uint8Array,
  options: { fileName?: string; headers?: Record<string, string>; path?: string } = {},
): Promise<PostAnswer> {
  const form = new FormData();
  form.set(
    'inputFile',
    new Blob([new Uint8Array(picture)], { type: 'image/jpeg' }),
    options.fileName ?? 'test_00.jpg',
  );
  const answer = await fetch(`${url}${options.path ?? '/'}`, {
    method: 'POST',
    body: form,
    headers: options.headers ?? {},
  });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

/** Runs `work` on every item, `width` at once. */
export async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++)
      results[index] = await work(items[index]!, index);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}
