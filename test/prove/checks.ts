import { aws } from './aws.ts';
import { badInput } from './bad-input.ts';
import type { Check } from './check.ts';
import { deaths } from './deaths.ts';
import { firstAnswer } from './first-answer.ts';
import { idle } from './idle.ts';
import { load } from './load.ts';
import { memory } from './memory.ts';
import { sameName } from './same-name.ts';
import { spot } from './spot.ts';

/** Those of `--on aws`. */
export const awsChecks: readonly Check[] = [aws, spot, idle];
export const checks: readonly Check[] = [firstAnswer, load, sameName, deaths, badInput, memory];
