import { CommanderError } from 'commander';
import { errorMessage } from '../errors.ts';
import { createProgram } from './program.ts';

/** 0 done, 1 it failed, 2 it was called wrongly. */
try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed what is wrong; asking for help is no failure.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`facefleet: ${errorMessage(error)}\n`);
    process.exitCode = 1;
  }
}
