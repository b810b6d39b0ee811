/** `node scripts/scaling-pictures.ts` draws the pictures of docs/scaling.md anew, with the policy as it is. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { svgOf } from '../src/scaling/simulator/charts.ts';
import { compare } from '../src/scaling/simulator/comparison.ts';
import { chartsOf } from '../src/scaling/simulator/report.ts';
import { CANONICAL_SCENARIO } from '../src/scaling/simulator/simulation.ts';
import { makeWorkload } from '../src/scaling/simulator/workloads.ts';

const FOLDER = join(import.meta.dirname, '../docs/images');

for (const name of ['flash crowd', 'on/off']) {
  const scenario = { ...CANONICAL_SCENARIO, ...makeWorkload(name, 1), seed: 1 };
  const comparison = await compare(scenario, ['slo', 'course', 'keda:tuned']);
  for (const chart of chartsOf({ title: name, scenario, comparison, dollarsPerHour: 0 })) {
    if (chart.title === 'Arrivals') continue;
    const file = `scaling-${name.replace(/\W/, '-')}-${chart.title.toLowerCase()}.svg`;
    await writeFile(join(FOLDER, file), `${svgOf(chart)}\n`);
    console.log(`docs/images/${file}`);
  }
}
