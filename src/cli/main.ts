import { CommanderError } from 'commander';
import { notifyEnvironment } from '../config.ts';
import { errorMessage, needsAPerson } from '../errors.ts';
import { createProgram } from './program.ts';

/** sysexits' EX_CONFIG: our units say that systemd need not try again. */
const NEEDS_A_PERSON = 78;

// Whoever reads has seen enough (`facefleet fleet | head`): what was asked for is done all the same.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

/** 0 done, 1 it failed, 2 it was called wrongly; under systemd 78 when trying again is pointless. */
try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed what is wrong; asking for help is no failure.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`facefleet: ${errorMessage(error)}\n`);
    const isService = notifyEnvironment().socket !== undefined;
    process.exitCode = isService && needsAPerson(error) ? NEEDS_A_PERSON : 1;
  }
}
