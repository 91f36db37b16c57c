/**
 * Files that no server can load, and missing configuration: one line names the file and the remedy.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cli } from '../support/cli.ts';

function project(files: Record<string, string>): string {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'tsgi-foreign-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

async function failure(
  files: Record<string, string>,
  app: string,
): Promise<{ root: string; stderr: string }> {
  const root = project(files);
  const { code, stderr } = await new Cli([app, '--port', '0', '--threads', '1'], { cwd: root }).finished();
  expect(code).toBe(1);
  return { root, stderr };
}

const APP = '\nexport default () => "";';

describe('an imported file that is not code causes one line with the remedy (C24)', () => {
  test.each([
    ['style.css', 'body { color: red }', /A stylesheet is for a bundler\. Remove the import, or /],
    ['style.module.scss', '$a: 1; .b {}', /A stylesheet is for a bundler/],
    ['logo.svg', '<svg/>', /Node\.js imports no media\. Serve the file, or read it instead/],
    ['logo.png', '\u0089PNG', /Node\.js imports no media/],
    ['page.vue', '<template/>', /A component must be compiled first/],
    [
      'schema.graphql',
      'type Query { a: Int }',
      /Node\.js imports no text\. Parse it at run time: read it instead/,
    ],
    ['data.yaml', 'a: {', /Node\.js imports no text/],
    ['some.other', '{', /Node\.js loads JavaScript and JSON, and the server compiles TypeScript/],
  ])('%s, in TypeScript and JavaScript, in modules and CommonJS', async (name, text, remedy) => {
    const [inModule, inCommonJs, plain, required] = await Promise.all([
      failure(
        {
          'package.json': '{ "type": "module" }',
          'src/page.ts': `import './${name}'; const a: number = 1;`,
          [`src/${name}`]: text,
          'app.ts': `import './src/page';${APP}`,
        },
        'app.ts',
      ),
      failure(
        {
          'src/page.ts': `import './${name}'; const a: number = 1;`,
          [`src/${name}`]: text,
          'app.ts': `import './src/page';${APP}`,
        },
        'app.ts',
      ),
      failure(
        {
          'src/page.mjs': `import './${name}';`,
          [`src/${name}`]: text,
          'app.mjs': `import './src/page.mjs';${APP}`,
        },
        'app.mjs',
      ),
      failure(
        {
          'src/page.cjs': `require('./${name}');`,
          [`src/${name}`]: text,
          'app.cjs': `require('./src/page.cjs');`,
        },
        'app.cjs',
      ),
    ]);
    for (const [{ root, stderr }, importer] of [
      [inModule, 'page.ts'],
      [inCommonJs, 'page.ts'],
      [plain, 'page.mjs'],
      [required, 'page.cjs'],
    ] as const) {
      expect(stderr).toContain(`Cannot load ${root}/src/${name}, which ${root}/src/${importer} imports. `);
      expect(stderr).toMatch(remedy);
    }
  });

  test('a native add-on imported by a module', async () => {
    const files = {
      'package.json': '{ "type": "module" }',
      'app.ts': `import './a.node';${APP}`,
      'a.node': '',
    };
    const { root, stderr } = await failure(files, 'app.ts');
    expect(stderr).toContain(
      `Cannot load ${root}/a.node, which ${root}/app.ts imports. Load a native add-on with require`,
    );
  });

  test('an import that never runs causes no error', async () => {
    const root = project({
      'package.json': '{ "type": "module" }',
      'page.ts': `import './style.css'; export const a: number = 1;`,
      'style.css': 'body {}',
      'app.ts': `
        if (typeof (globalThis as { document?: unknown }).document === 'object') await import('./page');
        export default (environ: object, startResponse: (status: number, headers: []) => void): string => { startResponse(200, []); return 'served'; };`,
    });
    const cli = new Cli(['app.ts', '--port', '0', '--threads', '1'], { cwd: root });
    expect(await (await fetch(await cli.url())).text()).toBe('served');
  });

  test('a loader of --import comes before the compiler', async () => {
    const root = project({
      'hooks.mjs': `export const load = (url, context, next) => url.endsWith('.txt') ? { format: 'module', source: 'export default "hooked"', shortCircuit: true } : next(url, context);`,
      'register.mjs': `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`,
      'page.txt': 'text',
      'app.mts': `import text from './page.txt'; const app: (environ: object, startResponse: (status: number, headers: []) => void) => string = (environ, startResponse) => { startResponse(200, []); return text; }; export default app;`,
    });
    const cli = new Cli(['app.mts', '--port', '0', '--threads', '1', '--import', './register.mjs'], {
      cwd: root,
    });
    expect(await (await fetch(await cli.url())).text()).toBe('hooked');
  });
});

test('a syntax error in a package names the file and the line (C24)', async () => {
  const files = { 'node_modules/odd/index.js': '\nconst = 1;', 'app.cjs': "require('odd');" };
  const { root, stderr } = await failure(files, 'app.cjs');
  expect(stderr).toContain(`${root}/node_modules/odd/index.js:2: Unexpected token '='`);
});

describe('a tsconfig.json that extends a missing file causes one line (C24)', () => {
  test.each(['./base.json', '@company/tsconfig/node.json'])('%s', async (base) => {
    const files = { 'tsconfig.json': `{\n  "extends": "${base}"\n}`, 'app.ts': `const a: number = 1;${APP}` };
    expect((await failure(files, 'app.ts')).stderr).toBe(
      `tsgi-threads: Cannot compile the application: tsconfig.json:2 extends ${base}, which does not exist. Correct the path, or install the package that contains it.\n`,
    );
  });

  test('a tsconfig.json in a folder of the project', async () => {
    const files = {
      'src/tsconfig.json': '{ "extends": "../gone.json" }',
      'app.ts': `import './src/a';${APP}`,
      'src/a.ts': 'export const a: number = 1;',
    };
    expect((await failure(files, 'app.ts')).stderr).toContain(
      'src/tsconfig.json:1 extends ../gone.json, which',
    );
  });
});
