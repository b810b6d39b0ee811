import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { DOCUMENTED_STATUSES, mutation, sendHostile, uploadRequest } from '../support/hostile-uploads.ts';
import { formOf, pictureOf, WebService } from '../support/web-service.ts';

for (const path of ['/', '/v1/recognitions']) {
  test(`property: spoilt uploads to ${path} get documented answers and hurt nobody`, async () => {
    await using service = await WebService.start({
      flags: { 'upload-budget-mb': '16', 'max-upload-mb': '1' },
    });
    const whole = uploadRequest(pictureOf('Paul', 2000), { path });
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 10, maxLength: 10 }), async (mutations) => {
        const sent = mutations.map((mutate) => sendHostile(service.tier.port, mutate(whole)));
        for (const statuses of await Promise.all(sent)) {
          for (const status of statuses) assert.ok(DOCUMENTED_STATUSES.has(status), `status ${status}`);
        }
      }),
      { numRuns: 25 },
    );
    const response = await service.post('/', formOf(pictureOf('Paul')));
    assert.equal(await response.text(), 'test_00:Paul');
  });
}
