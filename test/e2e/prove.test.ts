import { test } from 'node:test';
import { checks } from '../prove/checks.ts';

// `npm run prove` runs the same checks whole.
const seed = Number(process.env.TEST_SEED ?? 20_261_123);
for (const check of checks) {
  test(`${check.name}, in short: ${check.promise}`, async (context) => {
    const figures = await check.run({ whole: false, seed }, () => {});
    context.diagnostic(`seed ${seed}: ${JSON.stringify(figures)}`);
  });
}
