/**
 * Checks the package as a user gets it.
 * - publint and are-the-types-wrong check the packed files.
 * - In an empty folder, the command, a build, `import` and `require` each serve a request.
 * - Three versions of TypeScript compile the types, without the option `types`.
 * - A Node that is too old starts the command.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'tsgi-package-'));

function run(command, cwd) {
  const { status, stdout, stderr } = spawnSync(command, { cwd, shell: true, encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${command} failed with ${status}:\n${stdout}${stderr}`);
}

const APP = `import type { Application } from 'tsgi-threads/tsgi';
const app: Application = (environ, startResponse) => {
  startResponse(200, [['content-type', 'text/plain']]);
  return 'served ' + environ.PATH_INFO;
};
export default app;
`;
const PROGRAM = `createServer(1, { app: './app.ts' }).listen({ port: 0 }).then(async (server) => {
  console.log('listening on ' + server.url);
  process.once('SIGTERM', () => server.close());
});
`;

const VERSIONS = ['5.9', '6', '7'];
/** The option `types` is absent: the types of the package must name what they need. Their own text is checked too. */
const TSCONFIG = { strict: true, module: 'nodenext', target: 'es2022', noEmit: true, skipLibCheck: false };

/** Calls that must compile, and calls that must not. Each wrong call follows `@ts-expect-error`. */
const OPTION_TYPES = path.join(root, 'test', 'options', 'option-types.ts');

/** Compiles every entry of the package, and the sample of options, with each version of TypeScript. */
function compilesTypes() {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const entries = Object.keys(exports).filter((name) => !name.endsWith('.json'));
  const lines = entries.map(
    (name, at) => `export * as entry${at} from '${name.replace('.', 'tsgi-threads')}';`,
  );
  writeFileSync(path.join(folder, 'types.mts'), `${lines.join('\n')}\n${APP}`);
  copyFileSync(OPTION_TYPES, path.join(folder, 'option-types.mts'));
  writeFileSync(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: TSCONFIG, files: ['types.mts', 'option-types.mts'] }),
  );
  const aliases = VERSIONS.map((version) => `typescript-${version}@npm:typescript@${version}`).join(' ');
  run(`npm install ${aliases} --ignore-scripts --no-audit --no-fund --loglevel=error`, folder);
  for (const version of VERSIONS) run(`node node_modules/typescript-${version}/bin/tsc -p .`, folder);
  console.log(
    `  TypeScript ${VERSIONS.join(', ')}: compile the types and the options, and reject wrong options`,
  );
}

/** Checks that every link in a document of the package leads to a file in the package. */
function linksHold() {
  const installed = path.join(folder, 'node_modules', 'tsgi-threads');
  const pages = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.md'),
  );
  const broken = pages.flatMap((page) => {
    const prose = readFileSync(path.join(installed, page), 'utf8').replace(/^```[^]*?^```$|`[^`\n]*`/gm, '');
    return [...prose.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)]
      .filter(([, target]) => !existsSync(path.join(installed, path.dirname(page), target)))
      .map(([, target]) => `${page}: ${target}`);
  });
  if (broken.length > 0) throw new Error(`Links lead out of the package:\n${broken.join('\n')}`);
  console.log(`  ${pages.length} documents: their links hold`);
}

/** The command must name the Node version that it needs, in one line. */
function refusesOldNode() {
  const cli = path.join('node_modules', 'tsgi-threads', 'dist', 'cli', 'main.js');
  const { status, stderr } = spawnSync('npx', ['-y', 'node@18', cli, 'app.ts'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const isTold = /^tsgi-threads: needs Node\.js [\d.]+ or later, and this is Node\.js 18\.[^\n]*\n$/m.test(
    stderr,
  );
  if (status !== 1 || !isTold) throw new Error(`Node 18 ended with ${status}: ${stderr}`);
  console.log('  Node 18: the command names the version that it needs');
}

/** Starts a command that prints its address, fetches from it, and ends it with all its child processes. */
async function serves(name, command, args) {
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group of its own: npx does not forward a signal.
    detached: true,
  });
  let output = '';
  const closed = once(child, 'close');
  const listening = new Promise((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      const [url] = /http:\/\/\S+(?=\s)/.exec(output) ?? [];
      if (url !== undefined) resolve(url);
    });
  });
  const url = await Promise.race([listening, closed.then(() => undefined)]);
  if (url === undefined) throw new Error(`${name} did not listen: ${output}`);
  const body = await (await fetch(`${url}/package`)).text();
  process.kill(-child.pid, 'SIGTERM');
  await closed;
  if (body !== 'served /package') throw new Error(`${name} answered ${JSON.stringify(body)}`);
  console.log(`  ${name}: serves`);
}

try {
  run(`npm pack --pack-destination ${folder} --loglevel=error`, root);
  const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  run('npx --no-install publint --strict', root);
  console.log('  publint: no findings');
  run(`npx --no-install attw ${path.join(folder, tarball)} --profile esm-only`, root);
  console.log('  are-the-types-wrong: no findings');
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  // The package must work without the install scripts of its dependencies.
  run(`npm install ./${tarball} --ignore-scripts --no-audit --no-fund --loglevel=error`, folder);
  linksHold();
  writeFileSync(path.join(folder, 'app.ts'), APP);
  writeFileSync(
    path.join(folder, 'by-import.mjs'),
    `import { createServer } from 'tsgi-threads';\n${PROGRAM}`,
  );
  writeFileSync(
    path.join(folder, 'by-require.cjs'),
    `const { createServer } = require('tsgi-threads');\n${PROGRAM}`,
  );
  await serves('npx tsgi-threads app.ts', 'npx', ['--no-install', 'tsgi-threads', 'app.ts', '--port', '0']);
  run('npx --no-install tsgi-threads build app.ts --out dist-app', folder);
  await serves('a build', 'npx', ['--no-install', 'tsgi-threads', 'dist-app', '--port', '0']);
  refusesOldNode();
  compilesTypes();
  writeFileSync(
    path.join(folder, 'tsgi.mjs'),
    `import { testRequest } from 'tsgi-threads/tsgi';\nimport { probe } from 'tsgi-threads/tsgi/conformance';\nconst { status } = await testRequest(probe, { url: '/S2' });\nif (status !== 200) process.exit(1);\n`,
  );
  run(`${process.execPath} tsgi.mjs`, folder);
  console.log('  tsgi-threads/tsgi and its kit: load');
  await serves('import', process.execPath, ['by-import.mjs']);
  await serves('require', process.execPath, ['--no-warnings', 'by-require.cjs']);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
