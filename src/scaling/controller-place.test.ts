import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { advertisedUrl, controllerPlace, type PlaceOptions } from './controller-place.ts';

const LOCAL: PlaceOptions = {
  settings: { controllerHost: '127.0.0.1', controllerPort: 0, controllerAddress: undefined },
  isHostDefault: true,
  areWorkersElsewhere: false,
  machineAddress: undefined,
};
const REMOTE = { ...LOCAL, areWorkersElsewhere: true, machineAddress: '10.0.0.7' };

const set = (base: PlaceOptions, settings: Partial<PlaceOptions['settings']>): PlaceOptions => ({
  ...base,
  isHostDefault: settings.controllerHost === undefined,
  settings: { ...base.settings, ...settings },
});
const url = (options: PlaceOptions) => advertisedUrl(controllerPlace(options), 4711);

describe('a controller is reached', () => {
  const places: [string, PlaceOptions, string][] = [
    ['on this machine alone', LOCAL, 'http://127.0.0.1:4711'],
    ['by workers elsewhere at its private address', REMOTE, 'http://10.0.0.7:4711'],
    ['where it was told to listen', set(REMOTE, { controllerHost: '10.1.1.1' }), 'http://10.1.1.1:4711'],
    [
      'at the private address when it listens everywhere',
      set(REMOTE, { controllerHost: '0.0.0.0' }),
      'http://10.0.0.7:4711',
    ],
    [
      'under a name of its own',
      set(REMOTE, { controllerHost: '0.0.0.0', controllerAddress: 'controller.internal:80' }),
      'http://controller.internal:80',
    ],
    [
      'where something brings callers to it',
      { ...set(REMOTE, { controllerAddress: 'tunnel:9' }), machineAddress: undefined },
      'http://tunnel:9',
    ],
    [
      'at an IPv6 address',
      set(REMOTE, { controllerHost: '::', controllerAddress: '[fd00::1]:7000' }),
      'http://[fd00::1]:7000',
    ],
    ['at one without a port', set(LOCAL, { controllerHost: 'fd00::1' }), 'http://[fd00::1]:4711'],
  ];
  for (const [name, options, expected] of places) {
    it(name, () => assert.equal(url(options), expected));
  }
});

describe('a controller does not start', () => {
  const refused: [string, PlaceOptions][] = [
    ['where workers cannot reach it', { ...REMOTE, machineAddress: undefined }],
    ['everywhere without an address to tell', set(LOCAL, { controllerHost: '0.0.0.0' })],
    ['on a public address', set(REMOTE, { controllerHost: '54.1.2.3' })],
    ['on a public IPv6 address', set(REMOTE, { controllerHost: '2600:1f18::1' })],
    ['to be reached at a public address', set(REMOTE, { controllerAddress: '54.1.2.3:3002' })],
  ];
  for (const [name, options] of refused) {
    it(name, () => assert.throws(() => controllerPlace(options), { code: 'config-invalid' }));
  }
});
