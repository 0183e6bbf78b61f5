// One lint configuration for every project: types are checked, and the folder list is enforced as the architecture. A rule is error or off.
// Start it through `npm run lint` or `npx nx lint ledger`: the import rules read the project graph that Nx writes (`nx show projects` does),
// and skip themselves where there is none.
import { builtinModules } from 'node:module';
import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Who may import whom, by the tag in each package.json (`nx.tags`). */
const layers = {
  domain: ['domain'],
  port: ['domain', 'port'],
  pipeline: ['domain', 'port'],
  engine: ['domain'],
  adapter: ['domain', 'port', 'engine'],
  sdk: ['domain'],
  edge: ['domain', 'port', 'pipeline', 'adapter', 'edge'],
  infra: ['domain', 'port', 'adapter', 'sdk', 'infra'],
  app: ['domain', 'port', 'pipeline', 'adapter', 'edge'],
  cli: ['domain', 'port', 'pipeline', 'adapter', 'edge', 'sdk', 'app'],
  test: ['domain', 'port', 'pipeline', 'adapter', 'edge', 'sdk', 'test', 'infra'],
  deploy: ['edge', 'app', 'cli', 'infra'],
};
const depConstraints = Object.entries(layers).map(([sourceTag, onlyDependOnLibsWithTags]) => ({ sourceTag, onlyDependOnLibsWithTags }));

const pureProjects = ['accounting', 'event-log', 'ledger', 'pipeline'];
const pure = pureProjects.map((name) => `libs/${name}/src/**/*.ts`);
const tests = ['**/*.spec.ts', '**/contract.ts', '**/*-contract.ts'];

const frameworks = ['@nestjs/*', '@aws-sdk/*', 'kafkajs', '@opentelemetry/*'];
const passItIn = 'the core is given what it needs: take it as an argument (see libs/accounting/src/environment.ts)';
const noMachineImports = {
  'no-restricted-imports': [
    'error',
    {
      paths: builtinModules.map((name) => ({ name, message: passItIn })),
      patterns: [
        { group: ['node:*', ...builtinModules.map((name) => `${name}/*`)], message: passItIn },
        { group: frameworks, message: 'no framework and no vendor in domain, port and pipeline' },
      ],
    },
  ],
};

const timers = ['setTimeout', 'setInterval', 'setImmediate'];
const noClockNoChance = {
  'no-restricted-globals': [
    'error',
    {
      globals: [...timers, 'performance', 'crypto', 'process', 'require'].map((name) => ({ name, message: passItIn })),
      checkGlobalObject: true,
    },
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: passItIn },
    { object: 'Math', property: 'random', message: passItIn },
    { object: 'AbortSignal', property: 'timeout', message: passItIn },
    { property: 'randomUUID', message: passItIn },
  ],
  'no-restricted-syntax': [
    'error',
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: `new Date() reads the clock: ${passItIn}` },
    { selector: "CallExpression[callee.name='Date']", message: `Date() reads the clock: ${passItIn}` },
    { selector: 'ImportExpression', message: `import() hides what the core depends on: ${passItIn}` },
  ],
};

export default defineConfig(
  { ignores: ['**/dist/**', '**/out-tsc/**', '**/coverage/**', '**/.nx/**', 'data/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { plugins: { '@nx': nx } },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { allow: [], banTransitiveDependencies: true, depConstraints }],
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      // A union that grows must break every switch over it: `default` is no excuse.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Validation names control characters on purpose.
      'no-control-regex': 'off',
      // NestJS modules are empty decorated classes.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // `() => stop()` reads better than a block around it.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Knows nothing of what changes across an `await`: it calls the second look at `signal.aborted` unnecessary.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // NestJS takes plain objects where its types name an options class.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // A decoder is told what it decodes to: `decodeJson<Cut>(bytes)`.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // An implementation of an asynchronous port may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
    },
  },
  { files: pure, ignores: tests, rules: { ...noMachineImports, ...noClockNoChance } },
  { files: ['libs/simulation/src/**/*.ts'], ignores: [...tests, '**/scheduler.ts'], rules: noClockNoChance },
  {
    files: tests,
    rules: {
      // In a test an unexpected `undefined` fails the test, as it should.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
