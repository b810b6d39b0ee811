/**
 * A web tier in a process of its own, for measuring its memory. Pictures are read and dropped, a fake worker answers.
 * Over its IPC channel it tells its port, and at any message the most memory it has used so far.
 */
import { Readable } from 'node:stream';
import type { PutOptions } from '../../src/ports/object-store.ts';
import { startWebTier } from '../../src/web/web-tier.ts';
import { doneResult, FakeWorker } from './fake-worker.ts';
import { MemoryDeployment } from './memory-deployment.ts';
import { MemoryObjectStore } from './memory-object-store.ts';

class DroppingStore extends MemoryObjectStore {
  override async put(key: string, body: Uint8Array | Readable, options: PutOptions = {}) {
    if (body instanceof Readable) for await (const _ of body);
    return super.put(key, Buffer.alloc(0), options);
  }
}

export interface MemoryReport {
  readonly port: number;
  /** Megabytes. */
  readonly peakRss: number;
}

const deployment = Object.assign(new MemoryDeployment(), { input: new DroppingStore() });
const tier = await startWebTier({ deployment });
await FakeWorker.start(deployment, (record) => doneResult(record, 'Paul'));
const report = () => {
  const told: MemoryReport = { port: tier.port, peakRss: process.resourceUsage().maxRSS / 1024 };
  process.send?.(told);
};
process.on('message', report);
process.on('disconnect', () => process.exit());
report();
