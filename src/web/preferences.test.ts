import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';

import { preferencesOf } from './preferences.ts';

test('wishes are read, and what is not understood is ignored', () => {
  for (const [prefer, respondAsync, waitSeconds] of [
    [undefined, false, undefined],
    ['', false, undefined],
    ['respond-async', true, undefined],
    ['Respond-Async, wait=10', true, 10],
    ['return=minimal; foo, WAIT = "7"', false, 7],
    ['wait=soon, wait=-1, wait=99999999', false, undefined],
  ] as const) {
    const headers = prefer === undefined ? {} : { prefer };
    const wishes = preferencesOf({ headers } as IncomingMessage);
    assert.deepEqual(wishes, { respondAsync, waitSeconds }, `${prefer}`);
  }
});
