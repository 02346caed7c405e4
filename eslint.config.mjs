// Types are the point of linting here (a promise or a step left lying about); layout is prettier's, so is not linted.
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import globals from 'globals';
import tseslint from 'typescript-eslint';

export default defineConfig(
  { ignores: ['dist/', 'coverage/', 'reports/', 'schemas/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Kernel text reads like the kernel. Names are not linted: what exists in Linux is spelled as in Linux.
      'no-constant-condition': 'off',
      'no-empty-function': 'off',
      'require-yield': 'off', // a path that happens not to stop is still a path
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off', // typed arrays and fields that a lock vouches for
      '@typescript-eslint/no-unnecessary-condition': 'off', // another CPU may have changed it since
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-invalid-void-type': 'off', // Coroutine<number | void> is a value or none
      '@typescript-eslint/no-this-alias': 'off', // `running = this` is Linux's current
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off', // a step's kind tells the class of its object
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Every random choice comes from the seed.' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          // V8 keeps a map for each generator function that has been called, and with it, until the next full collection, all
          // that the function has closed over: an exploration would keep the worlds of its executions.
          selector:
            ':function VariableDeclarator > FunctionExpression[generator=true], :function CallExpression > FunctionExpression[generator=true], :function NewExpression > FunctionExpression[generator=true]',
          message: 'Declare the generator function outside, and call it from an arrow function.',
        },
      ],
    },
  },
  {
    files: ['test/**'],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off', // expect(x).to.be.true
    },
  },
  {
    files: ['**/*.{js,cjs,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: globals.node },
  },
);
