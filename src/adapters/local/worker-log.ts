import { mkdir, open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A worker's log is moved aside (one old one is kept) when it is larger than this at a start. */
const ROTATE_ABOVE_BYTES = 10 * 1024 * 1024;

/** Opens a log file for appending, rotated if it has grown large. Close the handle once the process has it. */
export async function openWorkerLog(path: string, rotateAboveBytes = ROTATE_ABOVE_BYTES) {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const size = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  if (size > rotateAboveBytes) await rename(path, `${path}.1`);
  return await open(path, 'a', 0o600);
}
