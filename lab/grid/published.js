/**
 * Rows of the grid: published npm programs that run unmodified, and a built Next.js application.
 *
 * Law: data. `cells.js` documents the properties of a row.
 */
import { createHash } from 'node:crypto';
import { program } from './forms.js';
import { bare, basics, conditional, files, get, head, json, send } from './requests.js';

export const PUBLISHED = [
  {
    name: 'http-server',
    published: true,
    packages: ['http-server'],
    ...program('node_modules/http-server/bin/http-server'),
    args: ['.', '--gzip', '--cors', '-c10', '-s'],
    // The program's ETags contain the inode number of the file.
    folder: 'apps/public',
    requests: [
      get('/'),
      get('/style.css'),
      ...files('/numbers.txt'),
      get('/missing'),
      send('POST', '/', '', 'x'),
      get('/', { Connection: 'close' }, 'closing'),
    ],
  },
  {
    name: 'json-server',
    published: true,
    packages: ['json-server'],
    ...program('node_modules/json-server/lib/cli/bin.js'),
    args: ['db.json', '--quiet'],
    data: 'apps/json-server/data',
    // Written data stay in the memory of one worker.
    threads: 1,
    requests: [
      get('/posts'),
      get('/posts/1'),
      get('/posts?author=b&_embed=comments', {}, 'filtered'),
      get('/posts?_page=1&_limit=1', {}, 'a page'),
      json('/posts', { title: 'Three' }),
      json('/posts/3', { title: 'Third' }, 'JSON', 'PUT'),
      json('/posts/3', { author: 'c' }, 'JSON', 'PATCH'),
      get('/posts/3'),
      bare('DELETE', '/posts/3'),
      get('/posts/3', {}, 'when it is gone'),
      get('/db'),
      head('/posts'),
      bare('OPTIONS', '/posts', { Origin: 'http://other.test' }),
      get('/posts', { 'Accept-Encoding': 'gzip' }, 'compressed'),
      conditional('/posts'),
    ],
  },
  {
    name: 'serve',
    published: true,
    packages: ['serve'],
    ...program('node_modules/serve/build/main.js'),
    args: ['.', '--no-request-logging', '--cors'],
    data: 'apps/public',
    requests: [
      get('/'),
      get('/style.css'),
      ...files('/numbers.txt'),
      get('/missing'),
      get('/missing', { Accept: 'text/html' }, 'as a browser'),
      get('/index.html'),
    ],
  },
  {
    name: 'verdaccio',
    published: true,
    packages: ['verdaccio'],
    project: 'apps/verdaccio',
    ...program('apps/verdaccio/node_modules/verdaccio/bin/verdaccio'),
    args: ['--config', 'config.yaml'],
    data: 'apps/verdaccio/data',
    // The time of publication, and values derived from it.
    ignore: [/"\d{4}-\d\d-\d\dT[^"]+"/g, /"_rev": ?"[^"]+"/g, /"ETag: [^,]+"/g],
    requests: [
      get('/-/ping'),
      get('/'),
      get('/-/static/ui-options.js'),
      get('/grid-package', {}, 'before it is there'),
      json('/grid-package', npmPackage('grid-package'), 'published', 'PUT'),
      get('/grid-package'),
      get('/grid-package/1.0.0'),
      get('/grid-package/-/grid-package-1.0.0.tgz'),
      head('/grid-package/-/grid-package-1.0.0.tgz'),
      get('/-/package/grid-package/dist-tags'),
      json('/-/npm/v1/security/audits', {}),
      get('/-/whoami'),
    ],
  },
];

export const NEXT = {
  name: 'Next.js, standalone',
  packages: ['next'],
  project: 'apps/next',
  built: true,
  ...program('apps/next/.next/standalone/server.js'),
  folder: 'apps/next/.next/standalone',
  requests: [
    ...basics('/items/7?q=a%20b'),
    get('/items/7', { Cookie: 'theme=dark', 'User-Agent': 'grid/1' }, 'with a cookie'),
    get('/items/old', {}, 'redirected'),
    get('/items/none', {}, 'not found'),
    get('/items/broken', {}, 'an error'),
    get('/items/7', { RSC: '1' }, 'as the router asks'),
    get('/stream'),
    get('/api/echo?q=1'),
    json('/api/echo', { name: 'a' }),
    send('PUT', '/api/echo', 'application/octet-stream', Buffer.alloc(300_000, 5)),
    bare('DELETE', '/api/echo'),
    get('/robots.txt'),
    conditional('/robots.txt'),
    { ...get(''), name: 'GET a script of the first page', path: scriptOf('GET /') },
    get('/_next/static/missing.js'),
    get('/_next/image?url=%2Flogo.png&w=64&q=75'),
    conditional('/', 'GET /'),
  ],
};

/** The request with which npm publishes a package. */
function npmPackage(name) {
  const tarball = Buffer.alloc(10_000, 'not really one');
  const file = `${name}-1.0.0.tgz`;
  const shasum = createHash('sha1').update(tarball).digest('hex');
  const manifest = {
    name,
    version: '1.0.0',
    dist: { shasum, tarball: `http://grid.test/${name}/-/${file}` },
  };
  return {
    _id: name,
    name,
    'dist-tags': { latest: '1.0.0' },
    versions: { '1.0.0': manifest },
    _attachments: {
      [file]: {
        content_type: 'application/octet-stream',
        data: tarball.toString('base64'),
        length: tarball.length,
      },
    },
  };
}

function scriptOf(page) {
  return (answers) => /\/_next\/static\/[^"]+\.js/.exec(answers.get(page).body.toString())[0];
}
