/**
 * Which files Node runs as CommonJS.
 */
import { describe, expect, test } from 'vitest';
import { isScript } from '../../dist/compile/format.js';
import { appFile } from '../support/server.ts';

describe('a .js file without a type in package.json', () => {
  test.each([
    ['an import statement', "import 'node:fs';"],
    ['an import without a space', 'import{join}from"node:path";'],
    ['an export statement', 'const a = 1; export { a as default };'],
    ['import.meta', 'console.log(import.meta.url);'],
  ])('with %s is a module', (_, source) => {
    expect(isScript(appFile(source, 'app.js'))).toBe(false);
  });

  test.each([
    ['an export statement in a template', 'module.exports = `\nexport default 1;\n`;'],
    ['an import statement in a comment', "/*\nimport a from 'a';\n*/ module.exports = 1;"],
    ['an import call at the start of a line', "module.exports = 1;\nimport('node:fs');"],
    ['a return statement outside of functions', 'return;'],
    ['a syntax error', 'module.exports = {'],
  ])('with %s is a script', (_, source) => {
    expect(isScript(appFile(source, 'app.js'))).toBe(true);
  });
});
