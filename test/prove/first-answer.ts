import assert from 'node:assert/strict';
import { eventually, Service } from '../support/service.ts';
import { type Check, enrolSitters, picturesOf, post } from './check.ts';

/** From `npm start` to a named answer, and from zero workers, idle. */
export const firstAnswer: Check = {
  name: 'first-answer',
  promise: 'a named answer under 10 s after the start, and under 1.5 s from zero workers',
  async run({ whole, seed }) {
    await using service = await Service.start({ flags: ['--idle-seconds', '1'] });
    const people = await enrolSitters(service);
    const [picture] = await picturesOf(people, { count: 1, seed, sidePx: 250 });
    await service.stop();

    const startedAt = performance.now();
    await using again = await Service.start({ dataDir: service.dataDir, flags: ['--idle-seconds', '1'] });
    const first = await post(again.url, picture!.bytes);
    const fromStartMs = performance.now() - startedAt;
    assert.equal(first.text, `test_00:${picture!.name}`);

    await eventually('no worker is left when idle', () => again.workers().length === 0, 30);
    const askedAt = performance.now();
    const cold = await post(again.url, picture!.bytes);
    const fromZeroMs = performance.now() - askedAt;
    assert.equal(cold.text, `test_00:${picture!.name}`);
    if (whole) {
      assert.ok(fromStartMs < 10_000, `${fromStartMs} ms from the start`);
      assert.ok(fromZeroMs < 1500, `${fromZeroMs} ms from zero workers`);
    }
    return { fromStartMs: Math.round(fromStartMs), fromZeroMs: Math.round(fromZeroMs) };
  },
};
