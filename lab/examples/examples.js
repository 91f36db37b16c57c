/**
 * The examples: for each, the command that runs it on node:http, and the requests of the laboratory.
 */

/**
 * @typedef {object} Asked
 * @property {string} path
 * @property {string} [method] default GET
 * @property {string} [body]
 *
 * @typedef {object} Example
 * @property {string} name
 * @property {string} a description for the output
 * @property {string} file the file argument of tsgi-threads
 * @property {string[]} node the arguments of node
 * @property {Asked} page the request that uses CPU
 * @property {RegExp} holds matches the body of a correct page
 * @property {Asked & { status: number }} refused a request that the example rejects, and the status
 */

/** @type {Example[]} */
export const EXAMPLES = [
  {
    name: 'react',
    what: 'table of 1,000 rows, an Express program in TSX',
    file: 'react/server.tsx',
    node: ['--import', 'tsx', 'react/server.tsx'],
    page: { path: '/' },
    holds: /^<!DOCTYPE html><html.*Product &lt;1000&gt;.*<\/html>$/s,
    refused: { path: '/nothing', status: 404 },
  },
  {
    name: 'image',
    what: 'JPEG made smaller by Jimp, a node:http server',
    file: 'image/server.js',
    node: ['image/server.js'],
    page: { path: '/photo.jpg?width=320' },
    holds: /^\xff\xd8\xff.*\xff\xd9$/s,
    refused: { path: '/photo.jpg?width=0', status: 404 },
  },
  {
    name: 'pdf',
    what: 'invoice of 200 lines by PDFKit, an Express program in CommonJS',
    file: 'pdf/app.cjs',
    node: ['pdf/app.cjs'],
    page: { path: '/invoice.pdf' },
    holds: /^%PDF-1\.\d\n.*\/Count 5\b.*%%EOF\n$/s,
    refused: { path: '/nothing', status: 404 },
  },
  {
    name: 'markdown',
    what: 'documentation with coloured code, a fetch handler of Hono',
    file: 'markdown/app.js',
    node: ['markdown/node.js'],
    page: { path: '/' },
    holds: /^<!doctype html>.*<span class="hljs-keyword">.*$/s,
    refused: { path: '/nothing', status: 404 },
  },
  {
    name: 'password',
    what: 'login against a scrypt hash, a TSGI application',
    file: 'password/app.js',
    node: ['password/node.js'],
    page: { method: 'POST', path: '/login', body: 'correct horse' },
    holds: /^Welcome\n$/,
    refused: { method: 'POST', path: '/login', body: 'incorrect horse', status: 401 },
  },
];

/** A request that every example answers immediately. */
export const CHEAP = { path: '/health' };
