/** The program of an isolated child that reads fake pictures: `crash` really ends it. */
import { serveIsolatedRequest } from '../../src/worker/isolated-child.ts';
import { FakeRecogniser } from './fake-recogniser.ts';

const { memoryBytes }: { memoryBytes: number } = JSON.parse(process.argv[2] ?? '');
serveIsolatedRequest({ memoryBytes, openRecogniser: async () => new FakeRecogniser() });
