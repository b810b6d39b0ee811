import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable, table } from './output.ts';

test('a table has columns as wide as their longest cell, and no blanks at the end of a line', () => {
  const rows = [
    ['a', '1', ''],
    ['long name', '20', 'x'],
  ];
  assert.equal(table(rows, ['NAME', 'N', 'NOTE']), 'NAME       N   NOTE\na          1\nlong name  20  x\n');
});

test('what could steer a terminal is written out, what a person can read stays', () => {
  assert.equal(printable('\u001b[2Jé 漢 🙂\u202e\n'), '\\u{1b}[2Jé 漢 🙂\\u{202e}\\u{a}');
});
