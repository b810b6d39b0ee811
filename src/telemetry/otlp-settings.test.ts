import assert from 'node:assert/strict';
import { test } from 'node:test';

import { otlpSettings } from './otlp-settings.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };

test('without an endpoint, or switched off, nothing is exported', () => {
  assert.equal(otlpSettings({}), undefined);
  assert.equal(otlpSettings({ ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }), undefined);
  assert.equal(otlpSettings({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }), undefined);
});

test('the general endpoint gets the path of traces, their own is taken as it is', () => {
  assert.equal(otlpSettings(ENDPOINT)?.url, 'http://collector:4318/v1/traces');
  const under = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://host/otlp' };
  assert.equal(otlpSettings(under)?.url, 'https://host/otlp/v1/traces');
  const own = { ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://other:1/in' };
  assert.equal(otlpSettings(own)?.url, 'http://other:1/in');
});

test('headers, resource and name are read as the specification has them', () => {
  const settings = otlpSettings({
    ...ENDPOINT,
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x = 1',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x=2',
    OTEL_RESOURCE_ATTRIBUTES: 'service.namespace=faces,deployment.environment.name=test',
    OTEL_SERVICE_NAME: 'mine',
    OTEL_EXPORTER_OTLP_TIMEOUT: '250',
  });
  assert.deepEqual(settings?.headers, { 'api-key': 'a b', x: '2' });
  assert.equal(settings?.resource['service.namespace'], 'faces');
  assert.equal(settings?.serviceName, 'mine');
  assert.equal(settings?.timeoutMs, 250);
});

test('samplers', () => {
  const sampler = (name: string, argument?: string) =>
    otlpSettings({ ...ENDPOINT, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument })?.sampler;
  assert.deepEqual(otlpSettings(ENDPOINT)?.sampler, { isParentBased: true, ratio: 1 });
  assert.deepEqual(sampler('always_off'), { isParentBased: false, ratio: 0 });
  assert.deepEqual(sampler('parentbased_traceidratio', '0.25'), { isParentBased: true, ratio: 0.25 });
});

test('what cannot be used is told and ignored, for watching must not keep a service from starting', () => {
  const problemsOf = (variables: Record<string, string>) => {
    const problems: string[] = [];
    const settings = otlpSettings({ ...ENDPOINT, ...variables }, problems);
    return { isExporting: settings !== undefined, problems: problems.length };
  };
  assert.deepEqual(problemsOf({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), { isExporting: false, problems: 1 });
  assert.deepEqual(problemsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'nowhere' }), {
    isExporting: false,
    problems: 1,
  });
  assert.deepEqual(problemsOf({ OTEL_TRACES_SAMPLER: 'jaeger' }), { isExporting: true, problems: 1 });
  assert.deepEqual(problemsOf({ OTEL_BSP_SCHEDULE_DELAY: '-5' }), { isExporting: true, problems: 1 });
  assert.deepEqual(problemsOf({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }), {
    isExporting: true,
    problems: 0,
  });
});
