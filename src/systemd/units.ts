import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What can be installed, by the word people type. `up` is everything in one unit, the others are its parts. */
export const UNITS = {
  up: 'facefleet.service',
  broker: 'facefleet-broker.service',
  controller: 'facefleet-controller.service',
  web: 'facefleet-web.service',
  worker: 'facefleet-worker.service',
} as const;

export type UnitWord = keyof typeof UNITS;

/** Two owners of one data folder would only fight for it. */
export const EXCLUDES: Readonly<Record<UnitWord, readonly UnitWord[]>> = {
  up: ['broker', 'controller', 'web', 'worker'],
  broker: ['up'],
  controller: ['up'],
  web: ['up'],
  worker: ['up'],
};

/** Where the program lies. */
export interface Layout {
  /** The folder of `package.json`. */
  readonly root: string;
  /** The Node that runs it. */
  readonly node: string;
}

/** As in the images that `deploy/image` makes, and as the unit files are written. */
const IMAGE_LAYOUT: Layout = { root: '/opt/facefleet', node: '/opt/facefleet/runtime/node' };

/** A file of `deploy/systemd`. */
export function templateFile(name: string): string {
  return readFileSync(join(import.meta.dirname, '..', '..', 'deploy', 'systemd', name), 'utf8');
}

/** The unit file for a program that lies elsewhere. */
export function renderUnit(unit: UnitWord, layout: Layout): string {
  return templateFile(UNITS[unit])
    .replaceAll(IMAGE_LAYOUT.node, quoted(layout.node))
    .replaceAll(`${IMAGE_LAYOUT.root}/`, `${quoted(layout.root)}/`);
}

/** `%` starts a specifier in unit files, a space ends a word. */
function quoted(path: string): string {
  return path.replaceAll('%', '%%').replaceAll('\\', '\\\\').replaceAll(' ', '\\x20');
}
