import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

const src = join(import.meta.dirname, '..', 'src');

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
  /** `import('…')`, only when it is come to. */
  readonly isLazy: boolean;
}

/** Who may import what. A file that matches `from` may import nothing that matches `to`. */
const RULES: readonly { name: string; from: RegExp; to: RegExp; typesAllowed: boolean }[] = [
  {
    name: 'recognition imports nothing of ours but types',
    from: /^recognition\//,
    to: /^(?!recognition\/).*\.ts$/,
    typesAllowed: true,
  },
  {
    name: 'the policy imports nothing but itself and types',
    from: /^scaling\/policy[./]/,
    to: /^(?!scaling\/policy[./])/,
    typesAllowed: true,
  },
  {
    name: 'the client imports nothing but itself, so that it runs in browsers',
    from: /^client\//,
    to: /^(?!client\/)/,
    typesAllowed: false,
  },
  { name: 'ports import nothing of ours', from: /^ports\//, to: /^(?!ports\/).*\.ts$/, typesAllowed: false },
  {
    name: 'only compose and adapters know adapters',
    from: /^(?!compose|adapters\/)/,
    to: /^adapters\/(?!local\/system-clock\.ts)/,
    typesAllowed: false,
  },
  {
    name: 'only adapters/aws imports an AWS SDK',
    from: /^(?!adapters\/aws\/)/,
    to: /^(@aws-sdk|@smithy)\//,
    typesAllowed: false,
  },
];

test('who is not on AWS loads nothing of it', () => {
  const eager = globSync('**/*.ts', { cwd: src })
    .filter((file) => !file.endsWith('.test.ts') && !/^(compose\/aws\.ts|adapters\/aws\/)/.test(file))
    .flatMap(importsOf)
    .filter(
      ({ to, isTypeOnly, isLazy }) =>
        /^(compose\/aws\.ts|adapters\/aws\/)/.test(to) && !isTypeOnly && !isLazy,
    );
  assert.deepEqual(eager, []);
});

test('the directions of import are kept', () => {
  const imports = globSync('**/*.ts', { cwd: src })
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap(importsOf);
  assert.ok(imports.length > 20, 'the sources were read');
  const broken = RULES.flatMap((rule) =>
    imports
      .filter(
        (one) => rule.from.test(one.from) && rule.to.test(one.to) && !(rule.typesAllowed && one.isTypeOnly),
      )
      .map((one) => `${rule.name}: ${one.from} imports ${one.to}`),
  );
  assert.deepEqual(broken, []);
});

test('only the config reads the environment', () => {
  const readers = globSync('**/*.ts', { cwd: src })
    .filter((file) => !file.endsWith('.test.ts') && file !== 'config.ts')
    .filter((file) => /process\.env\b(?!,|\s*\})/.test(readFileSync(join(src, file), 'utf8')));
  assert.deepEqual(readers, []);
});

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8');
  const statement = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;
  return [...text.matchAll(statement)].map(([, type, fixed, dynamic]) => {
    const specifier = fixed ?? dynamic ?? '';
    const to = specifier.startsWith('.') ? relative(src, join(src, dirname(file), specifier)) : specifier;
    return { from: file, to, isTypeOnly: type !== undefined, isLazy: dynamic !== undefined };
  });
}
