import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { FacefleetError } from '../src/errors.ts';
import { parsePlainYaml } from './support/plain-yaml.ts';
import { WatchedService } from './support/watched-service.ts';
import { formOf, pictureOf } from './support/web-service.ts';

const deploy = join(import.meta.dirname, '..', 'deploy');
const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';

test('one trace leads from the caller over web tier, queue and worker to the answer', async () => {
  await using service = await WatchedService.start();
  const headers = { traceparent: `00-${traceId}-${parentId}-01` };
  const response = await service.web.post('/v1/recognitions', formOf(pictureOf('Paul')), headers);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('x-trace-id'), traceId);
  const result = (await response.json()) as { traceId: string; jobId: string };
  assert.equal(result.traceId, traceId);

  const spans = await service.spans((found) => found.some(({ name }) => name === 'POST /v1/recognitions'));
  assert.ok(spans.every((span) => span.traceId === traceId));
  const called = (name: string) => {
    const found = spans.filter((span) => span.name === name);
    assert.equal(found.length, 1, name);
    return found[0]!;
  };
  const root = called('POST /v1/recognitions');
  assert.equal(root.parentSpanId, parentId);
  assert.equal(response.headers.get('traceparent'), `00-${traceId}-${root.spanId}-01`);
  const job = called('job recognise');
  assert.equal(job.parentSpanId, root.spanId);
  for (const name of ['upload', 'store', 'send', 'queue'])
    assert.equal(called(name).parentSpanId, root.spanId, name);
  for (const name of ['fetch', 'decode', 'detect', 'embed', 'match', 'save', 'answer']) {
    const { parentSpanId, startMs, endMs } = called(name);
    assert.equal(parentSpanId, job.spanId, name);
    assert.ok(endMs >= startMs, name);
  }
  assert.equal(root.attributes?.['facefleet.job_id'], result.jobId);
});

test('a caller that does not record its trace gets none recorded, and its trace id all the same', async () => {
  await using service = await WatchedService.start();
  const headers = { traceparent: `00-${traceId}-${parentId}-00` };
  const response = await service.web.post('/', formOf(pictureOf('Paul')), headers);
  assert.equal(response.headers.get('x-trace-id'), traceId);
  await response.text();
  const own = await service.web.post('/', formOf(pictureOf('Anna')));
  await own.text();
  const spans = await service.spans((found) => found.some(({ name }) => name === 'POST /'));
  assert.deepEqual([...new Set(spans.map((span) => span.traceId))], [own.headers.get('x-trace-id')]);
});

test('every line about a job names its trace, from upload to answer, and when it fails', async () => {
  await using service = await WatchedService.start({ logLevel: 'debug' });
  await (await service.web.post('/v1/recognitions', formOf(pictureOf('Paul')))).text();
  service.web.deployment.output.failNext('put', new FacefleetError('internal', 'told to fail'));
  await (await service.web.post('/v1/recognitions', formOf(pictureOf('Anna')))).text();

  const lines = service.lines.filter((line) => line.jobId !== undefined);
  assert.ok(lines.length >= 3, 'accepted twice and failed once at least');
  for (const line of lines) assert.match(String(line.traceId), /^[0-9a-f]{32}$/, JSON.stringify(line));
  assert.ok(lines.some(({ msg }) => msg === 'a job failed; again later'));
});

test('every tier counts what happened', async () => {
  await using service = await WatchedService.start();
  await (await service.web.post('/', formOf(pictureOf('Paul')))).text();
  await (await service.web.fetch('/v1/jobs/nothing')).text();
  const value = await service.metrics();
  assert.equal(value('facefleet_http_requests_total{method="POST",route="/",status="200"}'), 1);
  assert.equal(value('facefleet_http_requests_total{method="GET",route="/v1/jobs/:jobId",status="404"}'), 1);
  assert.equal(value('facefleet_http_request_duration_seconds_count{route="/"}'), 1);
  assert.equal(value('facefleet_jobs_finished_total{kind="recognise",status="done"}'), 1);
  for (const stage of [
    'upload',
    'store',
    'send',
    'queue',
    'fetch',
    'decode',
    'detect',
    'embed',
    'match',
    'save',
  ]) {
    assert.equal(value(`facefleet_stage_duration_seconds_count{stage="${stage}"}`), 1, stage);
  }
  assert.equal(value('facefleet_faces_total{named="false"}'), 1);
  assert.equal(value('facefleet_gallery_people'), 0);
  assert.equal(value('facefleet_controller_leading'), 1);
  assert.ok((value('process_resident_memory_bytes') ?? 0) > 1e6);
});

test('the controller counts decisions, and what the fleet costs', async () => {
  await using service = await WatchedService.start({ works: false });
  await (await service.web.fetch('/')).text();
  const headers = { prefer: 'respond-async' };
  await (await service.web.post('/v1/recognitions', formOf(pictureOf('Paul')), headers)).text();
  const value = await service.metricsWhen(
    (metrics) => (metrics('facefleet_instance_seconds_total') ?? 0) > 0,
  );
  assert.ok((value('facefleet_scaling_decisions_total') ?? 0) >= 1);
  assert.ok((value('facefleet_scaling_actions_total{action="launch"}') ?? 0) >= 1);
  assert.equal(value('facefleet_backlog_jobs{state="waiting"}'), 1);
  assert.ok((value('facefleet_instances_wanted') ?? 0) >= 1);
});

test('the metrics of the web tier are for whoever may see them', async () => {
  await using service = await WatchedService.start({ flags: { 'metrics-token': 'a-token-of-metrics' } });
  assert.equal((await service.web.fetch('/metrics')).status, 401);
  const headers = { authorization: 'Bearer a-token-of-metrics' };
  const response = await service.web.fetch('/metrics', { headers });
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.match(await response.text(), /^# TYPE facefleet_http_requests_total counter$/m);
});

test('with API keys the metrics want a token of their own', async () => {
  await using service = await WatchedService.start({ flags: { 'api-keys': 'a-key' } });
  const headers = { authorization: 'Bearer a-key' };
  assert.equal((await service.web.fetch('/metrics', { headers })).status, 401);
});

/** Metrics that Prometheus makes itself. */
const ITS_OWN: ReadonlySet<string> = new Set(['up']);
const ITS_LABELS = ['job', 'instance'];

test('dashboard and alert rules ask for nothing but what is exported, and for labels that are there', async () => {
  await using service = await WatchedService.start();
  await (await service.web.post('/', formOf(pictureOf('Paul')))).text();
  const exported = await service.exported();
  const expressions = [...dashboardExpressions(), ...alerts().map(({ expr }) => String(expr))];
  assert.ok(expressions.length > 30);
  assert.ok(expressions.flatMap(labelNames).length > 20);
  for (const expression of expressions) {
    assert.equal(unbalanced(expression), '', expression);
    const labels = new Set<string>(ITS_LABELS);
    for (const name of metricNames(expression)) {
      if (ITS_OWN.has(name)) continue;
      const base = exported.get(name) ?? exported.get(name.replace(/_(bucket|sum|count)$/, ''));
      assert.ok(base !== undefined, `${name} is not exported`);
      for (const label of [...base.labels, ...(name.endsWith('_bucket') ? ['le'] : [])]) labels.add(label);
    }
    for (const label of labelNames(expression))
      assert.ok(labels.has(label), `nothing in ${expression} has the label ${label}`);
  }
});

test('names follow the conventions: units at the end, counters in _total, help for each', async () => {
  await using service = await WatchedService.start();
  await (await service.web.post('/', formOf(pictureOf('Paul')))).text();
  for (const [name, { type, help }] of await service.exported()) {
    assert.match(name, /^(facefleet|process|nodejs)_[a-z_]+$/);
    assert.equal(type === 'counter', name.endsWith('_total'), `${name} is a ${type}`);
    if (type === 'histogram') assert.match(name, /_seconds$/);
    assert.doesNotMatch(name, /(milliseconds|_ms|_mb|minutes)/);
    assert.ok(help.length > 3, `${name} has no help`);
  }
});

test('every alert says how bad it is, for how long, and what to do', () => {
  const found = alerts();
  assert.ok(found.length >= 8);
  for (const alert of found) {
    assert.match(String(alert.alert), /^Facefleet[A-Z]\w+$/);
    assert.match(String(alert.for), /^\d+[smh]$/);
    const { labels, annotations } = alert as Record<string, Record<string, string>>;
    assert.ok(['critical', 'warning'].includes(labels?.severity ?? ''), String(alert.alert));
    assert.ok((annotations?.summary ?? '').length > 10 && (annotations?.description ?? '').length > 10);
  }
  assert.equal(new Set(found.map(({ alert }) => alert)).size, found.length);
});

test('the configuration for Prometheus is one that can be read', () => {
  const config = parsePlainYaml(readFileSync(join(deploy, 'prometheus', 'prometheus.yml'), 'utf8'));
  assert.deepEqual((config as { rule_files: unknown }).rule_files, ['facefleet.rules.yml']);
  // The real judge, on machines that have it.
  const verdict = spawnSync('promtool', ['check', 'config', join(deploy, 'prometheus', 'prometheus.yml')]);
  if (verdict.error === undefined) assert.equal(verdict.status, 0, String(verdict.stdout) + verdict.stderr);
});

function alerts(): Record<string, unknown>[] {
  const rules = parsePlainYaml(readFileSync(join(deploy, 'prometheus', 'facefleet.rules.yml'), 'utf8'));
  const { groups } = rules as unknown as { groups: { rules: Record<string, unknown>[] }[] };
  return groups.flatMap((group) => group.rules);
}

function dashboardExpressions(): string[] {
  const dashboard = JSON.parse(readFileSync(join(deploy, 'grafana', 'facefleet.json'), 'utf8'));
  const panels: { title: string; targets: { expr: string }[] }[] = dashboard.panels;
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}

/** Names in an expression that are neither functions, nor labels, nor words of the language. */
function metricNames(expression: string): string[] {
  const bare = expression
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\$\w+/g, ' ')
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, ' ');
  return [...bare.matchAll(/\b[a-z_][a-z0-9_]*\b(?!\s*\()/g)]
    .map(([name]) => name)
    .filter((name) => name !== 'by');
}

/** Labels that an expression selects by or groups by. */
function labelNames(expression: string): string[] {
  const selected = [...expression.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = '']) =>
    [...inside.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, name = '']) => name),
  );
  const grouped = [...expression.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)].flatMap(
    ([, inside = '']) => inside.split(',').map((name) => name.trim()),
  );
  return [...selected, ...grouped].filter((name) => name !== '');
}

/** What is opened and not closed, or the other way round. */
function unbalanced(expression: string): string {
  const open: string[] = [];
  for (const sign of expression.replaceAll(/"[^"]*"/g, '')) {
    if ('([{'.includes(sign)) open.push(sign);
    if (')]}'.includes(sign) && open.pop() !== '([{'[')]}'.indexOf(sign)]) return sign;
  }
  return open.join('');
}
