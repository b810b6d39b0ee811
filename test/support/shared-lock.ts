import { type ChildProcess, fork } from 'node:child_process';

type WithLock = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** What a child says to its parent about locks. */
type LockMessage =
  | { readonly lock: 'acquire'; readonly id: number; readonly name: string }
  | { readonly lock: 'granted' | 'release'; readonly id: number };

/** Forks a script whose `lockOfParent()` is `withLock`: released, as the broker does, when the child dies. */
export function forkWithLock(script: URL, args: readonly string[], withLock: WithLock): ChildProcess {
  const child = fork(script, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const held = new Map<number, () => void>();
  const release = (id: number) => {
    held.get(id)?.();
    held.delete(id);
  };
  child.on('message', (message: LockMessage | { lock?: undefined }) => {
    if (message.lock === 'release') release(message.id);
    if (message.lock !== 'acquire') return;
    const { promise, resolve } = Promise.withResolvers<void>();
    held.set(message.id, resolve);
    void withLock(message.name, () => {
      const granted: LockMessage = { lock: 'granted', id: message.id };
      // A child that was killed meanwhile is told nothing, and its exit releases the lock.
      if (child.connected) child.send(granted, () => {});
      return promise;
    });
  });
  child.once('exit', () => {
    for (const id of [...held.keys()]) release(id);
  });
  return child;
}

/** In the child: locks that the parent keeps. */
export function lockOfParent(): WithLock {
  let lastId = 0;
  const waiting = new Map<number, () => void>();
  process.on('message', (message: LockMessage | { lock?: undefined }) => {
    if (message.lock === 'granted') waiting.get(message.id)?.();
  });
  return async (name, work) => {
    const id = ++lastId;
    await new Promise<void>((resolve) => {
      waiting.set(id, resolve);
      process.send?.({ lock: 'acquire', id, name } satisfies LockMessage);
    });
    waiting.delete(id);
    try {
      return await work();
    } finally {
      process.send?.({ lock: 'release', id } satisfies LockMessage);
    }
  };
}
