import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { type ProcessTable, ProcProcessTable, PsProcessTable } from './process-table.ts';

/** A process that has a child which has ended and of which it takes no notice. */
const WITH_ZOMBIE = 'sleep 0 & echo $!; exec sleep 60';

const tables: [name: string, table: ProcessTable][] = [
  ['ps', new PsProcessTable()],
  ...(process.platform === 'linux'
    ? [['/proc', new ProcProcessTable()] satisfies [string, ProcessTable]]
    : []),
];

for (const [name, table] of tables) {
  describe(`the process table by ${name}`, () => {
    it('knows the living, each time the same', async () => {
      const pids = [process.pid, process.ppid];
      const marks = await table.startMarks(pids);
      assert.deepEqual([...marks.keys()].sort(), pids.sort());
      assert.notEqual(marks.get(process.pid), '');
      assert.deepEqual(await table.startMarks(pids), marks);
    });

    it('knows no others', async () => {
      const child = spawn(process.execPath, ['-e', '']);
      await once(child, 'exit');
      assert.equal((await table.startMarks([child.pid ?? 0])).size, 0);
      assert.equal((await table.startMarks([])).size, 0);
      assert.deepEqual([...(await table.startMarks([process.pid, child.pid ?? 0])).keys()], [process.pid]);
    });

    it('counts a zombie among the dead', async () => {
      const parent = spawn('/bin/sh', ['-c', WITH_ZOMBIE], { stdio: ['ignore', 'pipe', 'ignore'] });
      try {
        const [line] = await once(parent.stdout, 'data');
        const zombie = Number(line);
        await eventually('the zombie', async () => !(await table.startMarks([zombie])).has(zombie));
        process.kill(zombie, 0);
      } finally {
        parent.kill('SIGKILL');
      }
    });
  });
}
