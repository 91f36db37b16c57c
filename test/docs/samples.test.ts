/**
 * Samples of the documents: TypeScript compiles with the types of the package, JavaScript parses, and the marked ones run.
 *
 * `<!-- run -->` before a sample: it is a module that ends by itself. `<!-- serve: GET /path -> text -->`: it is an application.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { createServer } from 'tsgi-threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PAGES, ROOT } from './documents.ts';

const MARKED = /^<!-- (run|serve: GET (\S+) -> (.*)) -->\n\n```(?:ts|js)\n([^]*?)^```$/gm;

const samples = PAGES.flatMap(({ name, samples }) => samples.map((sample) => ({ name, ...sample })));

describe('TypeScript', () => {
  const sources = new Map(
    samples
      .filter(({ language }) => language === 'ts')
      // In a folder of this package, whose name leads to its own types.
      .map(({ name, line, code }) => [
        path.join(ROOT, 'test/docs', `${name.replaceAll('/', '-')}-${line}.ts`),
        `${code}\nexport {};\n`,
      ]),
  );
  const app = path.join(ROOT, 'test/docs/app.ts');
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.esnext.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
  };

  test('compiles', () => {
    const host = ts.createCompilerHost(options);
    const { readFile, fileExists } = host;
    const virtual = new Map([
      ...sources,
      [app, `import type { Application } from 'tsgi-threads/tsgi';\nexport default {} as Application;\n`],
    ]);
    host.readFile = (file) => virtual.get(path.normalize(file)) ?? readFile(file);
    host.fileExists = (file) => virtual.has(path.normalize(file)) || fileExists(file);
    const program = ts.createProgram([...virtual.keys()], options, host);
    const problems = ts
      .getPreEmitDiagnostics(program)
      .filter(({ file }) => file !== undefined && virtual.has(path.normalize(file.fileName)))
      // Packages of the reader's own.
      .map(
        ({ file, messageText }) =>
          `${path.basename(file!.fileName)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      )
      .filter((text) => !/Cannot find module '(?:prom-client)'/.test(text));
    expect(problems).toEqual([]);
  });
});

test.each(samples.filter(({ language }) => language === 'js'))('$name:$line is JavaScript', ({ code }) => {
  const { diagnostics } = ts.transpileModule(code, {
    reportDiagnostics: true,
    fileName: 'sample.mjs',
    compilerOptions: { allowJs: true, target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext },
  });
  expect(diagnostics!.map(({ messageText }) => messageText)).toEqual([]);
});

describe('marked samples', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(path.join(ROOT, 'test/docs/samples-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const marked = PAGES.flatMap(({ name, text }) =>
    [...text.matchAll(MARKED)].map(([, how, target, answer, code]) => ({
      name,
      how: how!,
      target,
      answer,
      code: code!,
    })),
  );

  const served = marked.filter(({ how }) => how !== 'run');
  test.each(served)('$name: the application answers $how', async ({ target, answer, code }) => {
    const file = path.join(folder, 'app.ts');
    writeFileSync(file, code);
    await using server = createServer(1, { app: file });
    await server.listen({ port: 0 });
    const response = await fetch(`${server.url}${target}`);
    expect((await response.text()).trim()).toBe(answer);
  });

  test.each(marked.filter(({ how }) => how === 'run'))('$name: the program runs', ({ code }) => {
    writeFileSync(path.join(folder, 'app.ts'), served[0]!.code);
    writeFileSync(
      path.join(folder, 'sample.ts'),
      code.replaceAll(/'tsgi-threads(\/\w+)?'/g, "'tsgi-threads$1'"),
    );
    const { status, stderr } = spawnSync(process.execPath, [runner(), path.join(folder, 'sample.ts')], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });

  /** Compiles and imports a module, because Node 20 loads no TypeScript. */
  function runner(): string {
    const file = path.join(folder, 'runner.mjs');
    writeFileSync(
      file,
      `import { build } from 'esbuild';
       const [, , entry] = process.argv;
       const outfile = entry.replace(/ts$/, 'mjs');
       await build({ entryPoints: [entry], outfile, bundle: true, format: 'esm', platform: 'node', packages: 'external' });
       await import(outfile);`,
    );
    return file;
  }
});
