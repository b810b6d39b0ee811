import assert from 'node:assert/strict';
import { test } from 'node:test';

import { errorCode } from '../errors.ts';
import { parsePredictions } from './predictions.ts';

test('pictures are found by file name and by stem', () => {
  const predictions = parsePredictions('Image,Results\ntest_00,Paul\ntest_01.jpg,Zoë\n', 'names.csv');
  assert.equal(predictions.size, 2);
  assert.equal(predictions.nameFor('test_00.jpg'), 'Paul');
  assert.equal(predictions.nameFor('test_00'), 'Paul');
  assert.equal(predictions.nameFor('test_01.jpg'), 'Zoë');
  assert.equal(predictions.nameFor('test_02.jpg'), undefined);
});

test('what spreadsheets write is read', () => {
  const text = '\ufeffresults, IMAGE ,note\r\n"King, Martin",a.jpg,"said ""hi"""\r\n\r\n\nbare,b.jpg';
  const predictions = parsePredictions(text, 'names.csv');
  assert.equal(predictions.nameFor('a.jpg'), 'King, Martin');
  assert.equal(predictions.nameFor('b.jpg'), 'bare');
  assert.equal(predictions.size, 2);
});

test('other columns are refused', () => {
  for (const text of ['', 'file,name\na,b', 'Image\na']) {
    assert.throws(
      () => parsePredictions(text, 'names.csv'),
      (error) => errorCode(error) === 'bad-request',
    );
  }
});
