/**
 * `npm run bench` runs every benchmark and prints one line for each. `npm run bench -- hello` runs only the named ones.
 *
 * `--report` also keeps the answers in docs/internals/performance.json. `npm run docs` then writes the page.
 *
 * Machines are shared: compare ratios, not figures.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { beside, hello, overload, replaced, saturated, spread, supervised } from './http.js';
import { expressHello, fastifyHello, fetchHello, render } from './interfaces.js';
import { parser, ring } from './micro.js';
import { sockets } from './sockets.js';
import { QUESTIONS } from './questions.js';
import { environ, machine } from './tsgi.js';

const ANSWERS = new URL('../docs/internals/performance.json', import.meta.url);

const MEASURES = {
  parser,
  ring,
  environ,
  machine,
  hello,
  hello2: () => hello(2),
  fetch: fetchHello,
  express: expressHello,
  fastify: fastifyHello,
  render,
  saturated,
  spread,
  beside,
  overload,
  supervised,
  replaced,
  sockets,
  sockets2: () => sockets(2),
};
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { report: { type: 'boolean', default: false } },
});
const unknown = positionals.filter((name) => !Object.hasOwn(MEASURES, name));
if (unknown.length > 0) {
  console.error(`Unknown question ${unknown.join(', ')}. Choose from ${Object.keys(QUESTIONS).join(', ')}`);
  process.exit(2);
}

for (const name of positionals.length > 0 ? positionals : Object.keys(QUESTIONS)) {
  const answer = await MEASURES[name]();
  console.log(answer);
  if (values.report) keep(name, answer);
}
process.exit(0);

function keep(name, answer) {
  const answers = { ...JSON.parse(readFileSync(ANSWERS, 'utf8')), [name]: answer };
  writeFileSync(ANSWERS, `${JSON.stringify(answers, null, 2)}\n`);
}
