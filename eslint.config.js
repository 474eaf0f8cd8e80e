import tseslint from 'typescript-eslint';

/**
 * The layers of the house: what each folder may import of the project. An import goes down only.
 * `paging` stands on nothing; `picture` on paging's types; `text` and `errors`, which uses it, are everybody's; nothing in lib/ knows Playwright.
 */
const layers = {
  text: [],
  paging: [],
  picture: ['paging'],
  gdb: ['errors', 'text', 'host', 'validate'],
  monitor: ['errors', 'text', 'gdb', 'host'],
  memory: ['errors', 'text', 'paging', 'monitor', 'gdb'],
  host: ['errors', 'text'],
  validate: ['errors', 'text'],
  change: ['errors', 'text', 'paging', 'validate'],
  debian: ['errors', 'text', 'host'],
  image: ['errors', 'text', 'host', 'debian'],
  machine: ['errors', 'text', 'host', 'image', 'monitor', 'gdb', 'memory', 'paging', 'validate'],
  bochs: ['errors', 'text', 'host', 'machine', 'memory', 'monitor', 'paging'],
  guest: ['errors', 'text', 'host', 'paging', 'memory', 'monitor', 'machine', 'validate', 'change'],
  history: [...['errors', 'text', 'host', 'gdb', 'paging', 'machine', 'validate', 'change', 'guest']],
};
const everything = [...Object.keys(layers), 'errors'];

/** Packages that only some folders may import. */
const packages = {
  execa: ['machine', 'guest', 'image', 'debian'],
  dockerode: ['image'],
  'bit-field': ['picture'],
  onml: ['picture'],
  valibot: ['validate'],
  leven: ['validate'],
};

function restrictionsFor(folder) {
  const allowed = new Set([folder, ...layers[folder]]);
  const forbiddenFolders = everything.filter((name) => !allowed.has(name));
  const forbiddenPackages = Object.keys(packages).filter((name) => !packages[name].includes(folder));
  return {
    files: [`lib/${folder}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: `^(\\.\\./)+(${forbiddenFolders.join('|')})(/|\\.js$)`,
              message: `lib/${folder} may import only: ${[...allowed].join(', ')}.`,
            },
            {
              regex: '(^|/)(fixtures|specs|scripts)/|^@playwright/',
              message: 'lib/ knows nothing of Playwright, fixtures, specs or scripts.',
            },
            ...(forbiddenPackages.length > 0
              ? [
                  {
                    regex: `^(${forbiddenPackages.join('|')})(/|$)`,
                    message: `This package has its own place: see the table in eslint.config.js.`,
                  },
                ]
              : []),
            ...(folder === 'paging' || folder === 'picture'
              ? [{ regex: '^node:', message: `lib/${folder} is pure: no I/O.` }]
              : []),
          ],
        },
      ],
    },
  };
}

export default tseslint.config(
  { ignores: ['node_modules', 'playwright-report', 'test-results', 'blob-report', 'dist', 'scripts/init'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: false },
      ],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  { files: ['scripts/**/*.ts', 'playwright.config.ts'], rules: { 'no-console': 'off' } },
  {
    // A Playwright fixture that needs no other is written `async ({}, use) => …`.
    files: ['fixtures/**/*.ts', 'specs/**/*.ts'],
    rules: { 'no-empty-pattern': 'off' },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
  ...Object.keys(layers).map(restrictionsFor),
);
