import { test } from 'node:test';
import { awsChecks } from '../prove/checks.ts';

// `npm run prove -- --on aws` runs the same checks whole, and beside them `spot` and `idle`, which mostly wait.
const seed = Number(process.env.TEST_SEED ?? 20_261_125);
for (const check of awsChecks.filter(({ name }) => name === 'aws')) {
  test(`${check.name}, in short: ${check.promise}`, async (context) => {
    const figures = await check.run({ whole: false, seed }, () => {});
    context.diagnostic(`seed ${seed}: ${JSON.stringify(figures)}`);
  });
}
