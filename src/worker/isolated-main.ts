/** The program of a child process that recognises one suspect picture; `createIsolatedRecogniser` starts it. */
import { type OpenRecogniserOptions, openRecogniser } from '../recognition/index.ts';
import { serveIsolatedRequest } from './isolated-child.ts';

export interface IsolatedMainSettings extends OpenRecogniserOptions {
  readonly memoryBytes: number;
}

const { memoryBytes, ...settings }: IsolatedMainSettings = JSON.parse(process.argv[2] ?? '');
serveIsolatedRequest({ memoryBytes, openRecogniser: () => openRecogniser(settings) });
