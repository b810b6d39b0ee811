/**
 * `node bench/event-streams.ts <url> <count>`: so many browsers' worth of `/v1/fleet/events`, in a process of its own. Says `open` once
 * each has told something, and reads until it is killed.
 */
import { get } from 'node:http';

const [url = '', count = '1'] = process.argv.slice(2);
const headers = { Accept: 'text/event-stream', 'Cache-Control': 'no-cache' };

await Promise.all(Array.from({ length: Number(count) }, openStream));
process.send?.('open');

/** A connection of its own, as each browser has. */
function openStream(): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${url}/v1/fleet/events`, { headers, agent: false }, (answer) => {
      if (answer.statusCode !== 200) return reject(new Error(`answered with ${answer.statusCode}`));
      answer.once('data', () => resolve());
      answer.resume();
    }).on('error', reject);
  });
}
