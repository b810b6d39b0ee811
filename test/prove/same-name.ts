import assert from 'node:assert/strict';
import { Service } from '../support/service.ts';
import { type Check, enrolSitters, inParallel, picturesOf, post } from './check.ts';

/** Answers are matched by job id: one file name for all must not mix them up. */
export const sameName: Check = {
  name: 'same-name',
  promise: '100 clients upload different pictures under one file name at once, each gets its own answer',
  async run({ whole, seed }) {
    const count = whole ? 100 : 30;
    await using service = await Service.start();
    const people = await enrolSitters(service);
    const pictures = await picturesOf(people, { count, seed, sidePx: 250 });
    const answers = await inParallel(pictures, count, (picture) => post(service.url, picture.bytes));
    assert.deepEqual(
      answers.map(({ text }) => text),
      pictures.map(({ name }) => `test_00:${name}`),
    );
    return { clients: count, people: people.length };
  },
};
