// The import law: which folder of src/ may import which. Whatever is not listed here is an error.
// CONTRIBUTING.md shows the same table with reasons.
'use strict';

// room: { rooms: other folders of src/, npm: packages, node: Node's own modules }; 'all' stands for all there are.
const law = {
  machine: {},
  sync: { rooms: ['machine'] },
  kernel: { rooms: ['machine', 'sync'] },
  profiles: { rooms: ['machine'] },
  layout: {},
  'drivers/timed': { rooms: ['machine'] },
  'drivers/controlled': { rooms: ['machine'], npm: ['pure-rand'] },
  check: { rooms: ['kernel', 'machine', 'sync', 'workload'] },
  workload: { rooms: ['kernel', 'sync', 'machine'] },
  scenario: {
    rooms: ['kernel', 'sync', 'profiles', 'machine', 'check', 'workload'],
    npm: ['zod', 'yaml', '@babel/code-frame'],
    node: ['fs', 'path', 'crypto'],
  },
  trace: { rooms: ['machine'], npm: ['rxjs'], node: ['url'] },
  report: { rooms: ['trace', 'export', 'machine', 'layout'], npm: ['table', 'picocolors'] },
  explain: { rooms: ['drivers/controlled', 'trace', 'report', 'machine'], npm: ['picocolors'] },
  export: { rooms: ['trace', 'machine'] },
  html: {
    rooms: ['drivers/controlled', 'explain', 'export', 'report', 'trace', 'machine'],
    npm: ['typescript'],
    node: ['fs', 'crypto'],
  },
  predict: { rooms: ['drivers/timed', 'machine', 'scenario', 'trace', 'workload'] },
  fuzz: { rooms: ['drivers/controlled', 'scenario', 'machine'], npm: ['fast-check'], node: ['fs'] },
  cli: { rooms: 'all', npm: ['commander', 'zod', 'picocolors', 'typescript'], node: 'all' },
};

const anyOf = (words) => `(${words.join('|')})`;
const all = Object.keys(law);

function beyond(room, { rooms = [], npm = [], node = [] }) {
  const allowed = [`^src/${anyOf(rooms === 'all' ? all : [room, ...rooms])}/`];
  if (npm.length > 0) allowed.push(`(^|/)node_modules/${anyOf(npm)}/`);
  if (node === 'all') return { pathNot: allowed, dependencyTypesNot: ['core'] };
  if (node.length > 0) allowed.push(`^(node:)?${anyOf(node)}$`);
  return { pathNot: allowed };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...all.map((room) => ({
      name: `law-of-${room.replace('/', '-')}`,
      comment: `src/${room} may import ${JSON.stringify(law[room])} and itself, nothing else`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: beyond(room, law[room]),
    })),
    {
      name: 'law-of-index',
      comment: 'src/index.ts shows the rooms to the world and has no dependencies of its own',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { pathNot: [`^src/${anyOf(all)}/`] },
    },
    {
      name: 'law-of-kernel-text',
      comment: 'src/kernel.ts shows kernel text, and what it is made of, to those who write patches',
      severity: 'error',
      from: { path: '^src/kernel\\.ts$' },
      to: { pathNot: ['^src/(kernel|machine|sync)/'] },
    },
    {
      name: 'law-of-fast-check',
      comment: 'src/fast-check.ts shows src/fuzz to those who have fast-check',
      severity: 'error',
      from: { path: '^src/fast-check\\.ts$' },
      to: { pathNot: ['^src/fuzz/'] },
    },
    {
      name: 'works-without-fast-check',
      comment:
        'fast-check is an optional peer: only src/fuzz may import it, and only src/fast-check.ts may import src/fuzz',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(fuzz/|fast-check\\.ts$)' },
      to: { path: '^src/(fuzz/|fast-check\\.ts$)|(^|/)node_modules/fast-check/' },
    },
    {
      name: 'kernel-knows-no-patch',
      comment: 'patches and bugs replace kernel functions; only the registry, src/kernel/index.ts, may know them',
      severity: 'error',
      from: { path: '^src/kernel/', pathNot: '^src/kernel/(patches/|bugs/|index\\.ts$)' },
      to: { path: '^src/kernel/(patches|bugs)/' },
    },
    ...[{ from: {} }, { from: { orphan: true } }].map(({ from }) => ({
      name: `no-room-of-its-own${from.orphan ? '-orphan' : ''}`,
      comment: 'a file of src/ lives in one of the rooms of the law; a new room needs a line in it',
      severity: 'error',
      from: { ...from, path: '^src/', pathNot: `^src/(${anyOf(all)}/|(index|kernel|fast-check)\\.ts$)` },
      to: {},
    })),
    {
      name: 'no-cycle',
      comment: 'no cycles at run time (types may refer to each other)',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-dev-dependency-in-src',
      comment: 'src/ is what users install; devDependencies are not',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer'] },
    },
    {
      name: 'not-resolvable',
      comment: 'misspelt, or missing from package.json',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'not-in-package-json',
      comment: 'works only by accident: not listed in package.json',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|reports)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true, // types count too
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.d.ts'],
    },
  },
};
