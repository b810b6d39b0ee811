import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { eventually, Service } from '../support/service.ts';
import { type Check, enrolSitters, inParallel, picturesOf, post } from './check.ts';
import { watchPeak } from './peak.ts';

/** A burst from idle, at the course's size of picture. */
export const load: Check = {
  name: 'load',
  promise:
    '1 000 pictures of 64x64 by 100 clients from idle: no failure, every name right, workers 0 → max → 0',
  async run({ whole, seed }, report) {
    const count = whole ? 1000 : 120;
    await using service = await Service.start({ flags: ['--idle-seconds', '1'] });
    const people = await enrolSitters(service);
    const pictures = await picturesOf(people, { count, seed, sidePx: 64 });
    await eventually('no worker is left when idle', () => service.workers().length === 0, 30);

    using peak = watchPeak(() => service.workers().length);
    const startedAt = performance.now();
    let done = 0;
    const answers = await inParallel(pictures, 100, async (picture, index) => {
      const answer = await post(service.url, picture.bytes, { fileName: `test_${index}.jpg` });
      if (++done % 250 === 0) report(`${done} of ${count}`);
      return answer;
    });
    const seconds = (performance.now() - startedAt) / 1000;

    assert.deepEqual(
      answers.filter(({ status }) => status !== 200).map(({ status, text }) => `${status} ${text}`),
      [],
    );
    const wrong = answers.flatMap(({ text }, index) =>
      text === `test_${index}:${pictures[index]!.name}` ? [] : [`${text} is ${pictures[index]!.name}`],
    );
    assert.deepEqual(wrong, []);
    assert.equal(peak.highest, availableParallelism(), 'workers reached the maximum');
    await eventually('back to no workers', () => service.workers().length === 0, 30);
    return {
      pictures: count,
      seconds: Number(seconds.toFixed(1)),
      perSecond: Math.round(count / seconds),
      peakWorkers: peak.highest,
    };
  },
};
