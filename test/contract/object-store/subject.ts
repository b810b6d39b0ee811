import { errorCode, PreconditionFailedError } from '../../../src/errors.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';

/** An empty bucket to try the contract on. */
export interface ObjectStoreSubject extends AsyncDisposable {
  readonly store: ObjectStore;
  /** The same bucket, as another process would hold it. */
  another(): ObjectStore;
}

export type ContractTest = (title: string, body: (subject: ObjectStoreSubject) => Promise<void>) => void;

export async function readText(store: ObjectStore, key: string): Promise<string | undefined> {
  const found = await store.get(key);
  return (await found?.bytes())?.toString();
}

export async function listKeys(
  store: ObjectStore,
  options?: { prefix?: string; startAfter?: string },
): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of store.list(options)) keys.push(entry.key);
  return keys;
}

export const text = (value: string) => Buffer.from(value);
export const isPreconditionFailed = (error: unknown) => error instanceof PreconditionFailedError;
export const hasCode = (code: string) => (error: unknown) => errorCode(error) === code;
