import { once } from 'node:events';
import type { Response } from 'express';

import { type Batch, batchJobId, readBatch } from '../batches/batch.ts';
import { errorMessage } from '../errors.ts';
import type { WebContext } from './context.ts';

/** Results read ahead of the one that is being sent. */
const READ_AHEAD = 8;
const LOOK_MS = 500;
const PING_MS = 15_000;

export interface ResultsWanted {
  /** Index of the first picture. */
  readonly offset: number;
  /** Wait for what is not there yet. */
  readonly follow: boolean;
}

/**
 * Sends the results of a batch from that picture on, one JSON object a line, and ends before the first that is not there,
 * or follows until all are. A client that is cut off goes on with the offset after its last whole line.
 */
export async function sendBatchResults(
  context: WebContext,
  response: Response,
  batch: Batch,
  { offset, follow }: ResultsWanted,
): Promise<void> {
  const { clock, closing, logger } = context;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const isOver = () => gone.signal.aborted || closing.aborted;
  let saidAt = clock.monotonic();
  let next = offset;
  try {
    while (next < batch.total && !isOver()) {
      const lines = await linesFrom(context, batch, next);
      for (const line of lines) await write(response, line, gone.signal);
      next += lines.length;
      if (lines.length > 0) saidAt = clock.monotonic();
      else if (!follow) break;
      else {
        await clock.sleep(LOOK_MS, gone.signal);
        if (clock.monotonic() - saidAt < PING_MS) continue;
        saidAt = clock.monotonic();
        await write(response, '\n', gone.signal);
      }
    }
    response.end();
  } catch (error) {
    if (gone.signal.aborted) return;
    const { batchId } = batch;
    logger.warn({ batchId, offset: next, error: errorMessage(error) }, 'sending results was broken off');
    response.destroy();
  }
}

/** The next lines, up to the first picture without a result. */
async function linesFrom(context: WebContext, batch: Batch, from: number): Promise<string[]> {
  const upTo = Math.min(batch.total, from + READ_AHEAD);
  const indices = Array.from({ length: upTo - from }, (_, ahead) => from + ahead);
  const lines = await Promise.all(indices.map((index) => lineOf(context, batch, index)));
  const missing = lines.indexOf(undefined);
  return (missing < 0 ? lines : lines.slice(0, missing)) as string[];
}

async function lineOf(
  { client, deployment }: WebContext,
  batch: Batch,
  index: number,
): Promise<string | undefined> {
  const { batchId } = batch;
  const jobId = batchJobId(batchId, index);
  const result = await client.result(jobId);
  if (result !== undefined) {
    const { fileName, status } = result;
    return `${JSON.stringify({ index, jobId, fileName, status, result })}\n`;
  }
  // It had one, which was swept since: nobody should wait for it.
  const settled = (await readBatch(deployment.state, batchId))?.batch.settled ?? batch.total;
  return index < settled && (await client.result(jobId)) === undefined
    ? `${JSON.stringify({ index, jobId, status: 'gone' })}\n`
    : undefined;
}

async function write(response: Response, text: string, gone: AbortSignal): Promise<void> {
  if (!response.write(text) && !gone.aborted) await once(response, 'drain', { signal: gone });
}
