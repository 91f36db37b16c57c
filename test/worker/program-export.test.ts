/**
 * The server that a program starts with `listen` is served, even if the program also exports an application.
 *
 * A program may call `listen` at any time. The server calls no function that is not meant as a handler.
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { accepting, accepts, freePort } from '../support/ports.ts';
import { appFile, serveFile } from '../support/server.ts';

const HTTP = `import http from 'node:http';\n`;

const answer = async (url: string) => (await fetch(url)).text();
const at = (port: number) => answer(`http://127.0.0.1:${port}`);

/** An exported application that listens after a while. */
const both = (listen: string, milliseconds: number, exported = `{ fetch: () => new Response('exported') }`) =>
  appFile(`${HTTP}
    export default ${exported};
    const server = http.createServer((request, response) => response.end('listened ' + server.address()?.port));
    setTimeout(() => server.listen(${listen}, () => console.log('listens', server.address().address)), ${milliseconds});`);

async function logged(cli: Cli, text: string, times = 1): Promise<void> {
  const all = () => cli.stdout + cli.stderr;
  while (all().split(text).length <= times)
    await Promise.race([once(cli.child.stdout!, 'data'), once(cli.child.stderr!, 'data')]);
}

describe('a listen during the start', () => {
  test('overrides the export (C13)', async () => {
    const port = await freePort();
    const cli = new Cli([both(`${port}, '127.0.0.1'`, 150), '--threads', '2']);
    expect(await cli.url()).toBe(`http://127.0.0.1:${port}`);
    expect(cli.stdout).toContain('node: the program listens by itself');
    expect(await at(port)).toBe(`listened ${port}`);
  });

  test('is not awaited for an application that only exports, although a pool keeps it alive (C13)', async () => {
    const app = appFile(
      `setInterval(() => {}, 1000); export default { fetch: () => new Response('exported') };`,
    );
    const started = performance.now();
    const { server } = await serveFile(app, 2);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(await answer(server.url)).toBe('exported');
    const reloaded = performance.now();
    await server.reload();
    expect(performance.now() - reloaded).toBeLessThan(5000);
  });
});

describe('a listen after the start', () => {
  /** The application listens when this is called. The test calls it once all workers serve the export. */
  const later = (source: (when: string) => string): { app: string; go: () => void } => {
    const mark = `${appFile('')}.go`;
    const when = `await new Promise((resolve) => { const timer = setInterval(() => existsSync(${JSON.stringify(mark)}) && resolve(clearInterval(timer)), 5); });`;
    return { app: appFile(source(when)), go: () => writeFileSync(mark, '') };
  };
  const bothLater = (listen: string) =>
    later(
      (when) => `${HTTP} import { existsSync } from 'node:fs';
        export default { fetch: () => new Response('exported') };
        const server = http.createServer((request, response) => response.end('listened ' + server.address()?.port));
        (async () => { ${when} server.listen(${listen}, () => console.log('listens', server.address().address)); })();`,
    );

  test.each([1, 2])(
    'is served from that time on, on its own port, with %d threads (C13)',
    async (threads) => {
      const [first, own] = [await freePort(), await freePort()];
      const { app, go } = bothLater(`${own}, '127.0.0.1'`);
      const cli = new Cli([app, '--threads', String(threads)], { env: { PORT: String(first) } });
      expect(await cli.url()).toBe(`http://0.0.0.0:${first}`);
      expect(await at(first)).toBe('exported');
      go();
      await logged(cli, 'listens 127.0.0.1', threads);
      expect(await at(own)).toBe(`listened ${own}`);
      expect(await accepts(first, '127.0.0.1')).toBe(false);
      expect(
        cli.stderr.match(/The program listens by itself on http:\S+: that is served from now on/g),
      ).toHaveLength(1);
      cli.child.kill('SIGHUP');
      await logged(cli, 'reloaded in');
      expect(await at(own)).toBe(`listened ${own}`);
      cli.child.kill('SIGTERM');
      expect((await cli.finished()).code).toBe(0);
    },
  );

  test('on the same port with another host uses the host of the program (C13)', async () => {
    const port = await freePort();
    const { app, go } = bothLater(`process.env.PORT, '127.0.0.1'`);
    const cli = new Cli([app, '--threads', '1'], { env: { PORT: String(port) } });
    await cli.url();
    expect(await accepts(port, '127.0.0.2')).toBe(true);
    go();
    await logged(cli, 'listens 127.0.0.1');
    expect(await accepts(port, '127.0.0.2')).toBe(false);
    expect(await at(port)).toBe(`listened ${port}`);
  });

  test('stays at the address of an option (C13)', async () => {
    const [given, own] = [await freePort(), await freePort()];
    const { app, go } = bothLater(`${own}, '127.0.0.1'`);
    const cli = new Cli([app, '--threads', '1', '--port', String(given)]);
    expect(await answer(await cli.url())).toBe('exported');
    go();
    await logged(cli, 'listens 127.0.0.1');
    expect(await at(given)).toBe(`listened ${given}`);
    expect(await accepts(own, '127.0.0.1')).toBe(false);
  });

  test('that fails gets Node’s error, and the export is still served (C13)', async () => {
    const [first, taken] = [
      await freePort(),
      new Cli([appFile(`export default { fetch: () => new Response('') };`), '--port', '0']),
    ];
    const { port } = new URL(await taken.url());
    const { app, go } = later(
      (when) => `${HTTP} import { existsSync } from 'node:fs';
        export default { fetch: () => new Response('exported') };
        const server = http.createServer().on('error', (error) => console.log('told', error.code, error.syscall));
        (async () => { ${when} server.listen(${port}, '127.0.0.1'); })();`,
    );
    const cli = new Cli([app, '--threads', '1'], { env: { PORT: String(first) } });
    await cli.url();
    go();
    await logged(cli, 'told EADDRINUSE listen');
    expect(await at(first)).toBe('exported');
  });
});

describe('a function that is not a handler is not called', () => {
  /** Like browser-sync: it exports the function that it runs as the main program. */
  const cli = (body: string) => `
    const http = require('node:http');
    const { appendFileSync } = require('node:fs');
    ${body}
    function main(args) {
      appendFileSync(__filename + '.calls', 'called ');
      setTimeout(() => http.createServer((request, response) => response.end('site')).listen(0), 700);
    }`;
  const BODIES: readonly (readonly [how: string, body: string])[] = [
    ['require.main', `if (require.main === module) main(process.argv.slice(2)); module.exports = main;`],
    ['module.parent', `if (!module.parent) main(); exports.default = main;`],
    ['a call', `main();\nmodule.exports = main;`],
    [
      'two parameters',
      `if (require.main === module) run([], () => {}); module.exports = run; function run(args, done) { main(args); }`,
    ],
    ['without parameters', `if (require.main === module) main(); module.exports = () => main();`],
  ];

  test.each(BODIES)(
    'a command that runs its own export is served by its own server: %s (C13)',
    async (_, body) => {
      const app = appFile(cli(body), 'cli.cjs');
      const { server } = await serveFile(app);
      expect(server.interface?.why).toBe('the program listens by itself');
      expect(await answer(server.url)).toBe('site');
      expect(readFileSync(`${app}.calls`, 'utf8')).toBe('called ');
    },
  );

  test('a command that ends without a call of listen causes an error at once (C13)', async () => {
    const app = appFile(
      `if (require.main === module) main(); module.exports = main; function main() {}`,
      'cli.cjs',
    );
    await expect(serveFile(app)).rejects.toThrow(
      /the file runs its export main itself and has ended without a call of listen/,
    );
  });

  test('a port that is not open yet makes its clients wait (C13)', async () => {
    const port = await freePort();
    const cli = new Cli([both(`${port}, '127.0.0.1'`, 100), '--threads', '1']);
    await cli.url();
    await accepting(port);
    expect(await at(port)).toBe(`listened ${port}`);
  });
});
