import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { FacefleetError } from '../../../errors.ts';

/** `sockaddr_un` holds 108 bytes on Linux and 104 on macOS; a longer path fails, or is cut silently by older systems. */
const MAX_SOCKET_PATH_BYTES = 100;

/** Folder of the broker's database, and of its socket where the path is short enough. */
export function brokerFolder(dataDir: string): string {
  return join(dataDir, 'broker');
}

/**
 * Where the broker of this data folder listens: in the folder, or when that path is too long for a socket, below the
 * temporary folder under a hash of it. Broker and clients come to the same path on their own.
 */
export function socketPath(dataDir: string, { temporaryFolder = tmpdir() } = {}): string {
  const inside = join(brokerFolder(dataDir), 'broker.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH_BYTES) return inside;
  const hash = createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 24);
  const outside = join(temporaryFolder, `facefleet-${userInfo().uid}`, `${hash}.sock`);
  if (Buffer.byteLength(outside) <= MAX_SOCKET_PATH_BYTES) return outside;
  throw new FacefleetError(
    'config-invalid',
    `neither ${inside} nor ${outside} can be a socket: paths of sockets end at ${MAX_SOCKET_PATH_BYTES} bytes. Use a shorter data folder or TMPDIR`,
  );
}

/**
 * Makes the folder that a socket lies in, for the owner alone.
 *
 * @throws FacefleetError `permission-denied` when somebody else made it first or may enter it: they could listen in our place.
 */
export function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  const owner = userInfo().uid;
  if (!found.isDirectory() || found.uid !== owner || (found.mode & 0o077) !== 0) {
    throw new FacefleetError(
      'permission-denied',
      `${folder} has owner ${found.uid} and mode ${(found.mode & 0o7777).toString(8)}, expected a folder of user ${owner} with mode 700`,
    );
  }
}
