import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever the kernel's own tick. */
const TICK_MS = 10;

/** Processor time that a process has taken so far, milliseconds; 0 where the system has no `/proc`, or it is gone. */
export function cpuMsOf(pid: number): number {
  const fields = statOf(pid);
  const [userTicks = 0, systemTicks = 0] = [fields[11], fields[12]];
  return (Number(userTicks) + Number(systemTicks)) * TICK_MS;
}

/** Living children of a process, and theirs; none where the system has no `/proc`. */
export function descendantsOf(pid: number): number[] {
  if (!existsSync('/proc')) return [];
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: Number(statOf(Number(name))[1]) }));
  const below = (parent: number): number[] =>
    all.filter((one) => one.parent === parent).flatMap((child) => [child.pid, ...below(child.pid)]);
  return below(pid);
}

function statOf(pid: number): string[] {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return [];
  // The name in parentheses may hold spaces: fields are counted behind it.
  return readFileSync(file, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
}
