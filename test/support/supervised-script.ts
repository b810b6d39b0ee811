/** A child for the supervisor's tests: says it is ready, then does what its first argument says. */
import { appendFileSync } from 'node:fs';
import { silentLogger } from '../../src/logger.ts';
import { linkToParent, sendToParent } from '../../src/supervisor/child-link.ts';

const [behaviour, journal] = process.argv.slice(2);
const note = (word: string) => appendFileSync(journal!, `${word} ${process.pid}\n`);
const link = linkToParent(silentLogger);

note('started');
if (behaviour === 'fatal') {
  sendToParent({ type: 'fatal', code: 'conflict', message: 'port 3001 is taken' });
  setTimeout(() => process.exit(1), 10);
} else {
  const alive = setInterval(() => {}, 1000);
  link.stop.addEventListener('abort', () => {
    note(String(link.stop.reason));
    if (behaviour === 'stubborn') return;
    clearInterval(alive);
    link[Symbol.dispose]();
  });
  link.ready({ pid: process.pid });
}
