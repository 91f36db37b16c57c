/**
 * What the compiler does not see. Types are TypeScript's job, layout is Prettier's.
 */
import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import { PROSE_GLOBS } from './scripts/prose/clean.js';
import prose from './scripts/prose/eslint-plugin.js';

export default tseslint.config(
  { ignores: ['dist/', '**/node_modules/', '**/.next/', 'test/grid/build/'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    languageOptions: {
      globals: {
        AbortSignal: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        console: 'readonly',
        performance: 'readonly',
        process: 'readonly',
        fetch: 'readonly',
        SharedArrayBuffer: 'readonly',
        Atomics: 'readonly',
        Int32Array: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        WebAssembly: 'readonly',
      },
    },
    rules: {
      // The rings and the parser index typed arrays on every line.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // A finished callback that has nothing to do.
      '@typescript-eslint/no-empty-function': 'off',
      'no-empty': ['error', { allowEmptyCatch: true }],
      // Header values and bytes are about control characters.
      'no-control-regex': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'func-style': ['error', 'declaration', { allowArrowFunctions: true }],
      eqeqeq: 'error',
      'max-params': ['error', { max: 5 }],
      'max-lines-per-function': ['error', { max: 60, skipComments: true, skipBlankLines: true }],
    },
  },
  {
    files: ['test/**', 'bench/**', 'lab/proof/**'],
    languageOptions: {
      globals: {
        TextEncoder: 'readonly',
        TextDecoder: 'readonly',
        Blob: 'readonly',
        CompressionStream: 'readonly',
        FormData: 'readonly',
        Headers: 'readonly',
        ReadableStream: 'readonly',
        Request: 'readonly',
        Response: 'readonly',
        TransformStream: 'readonly',
        setImmediate: 'readonly',
        URLSearchParams: 'readonly',
        Deno: 'readonly',
        Bun: 'readonly',
      },
    },
    rules: { 'max-lines-per-function': 'off', '@typescript-eslint/no-empty-function': 'off' },
  },
  {
    // Applications as their users write them, CommonJS and JSX included.
    files: ['test/grid/apps/**'],
    languageOptions: {
      globals: {
        require: 'readonly',
        module: 'readonly',
        __dirname: 'readonly',
        Blob: 'readonly',
        File: 'readonly',
        ReadableStream: 'readonly',
      },
      parserOptions: { ecmaFeatures: { jsx: true } },
    },
    rules: {
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      // Decorators need the types of what is injected at run time.
      '@typescript-eslint/consistent-type-imports': 'off',
    },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { globals: { require: 'readonly', module: 'readonly' } },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    // English in comments, titles of tests and strings that users see; Markdown is checked by scripts/prose.js.
    files: PROSE_GLOBS,
    plugins: { prose },
    rules: { 'prose/english': 'error' },
  },
);
