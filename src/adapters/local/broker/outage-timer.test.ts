import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { OutageTimer } from './outage-timer.ts';

test('it runs out after its seconds without the other side, and a return starts it anew', (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.after(() => mock.timers.reset());
  const outage = new OutageTimer({ seconds: 5 });
  outage.start();
  mock.timers.tick(4_750);
  outage.stop();
  outage.start();
  mock.timers.tick(4_750);
  assert.equal(outage.signal.aborted, false);
  outage.start();
  mock.timers.tick(250);
  assert.equal(outage.signal.aborted, true);
});
