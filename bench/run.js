/**
 * `npm run bench`: every question, one line an answer. `npm run bench -- hello` asks only those that are named.
 * These machines are shared: believe the ratios, not the figures.
 */
import { beside, hello, overload, replaced, saturated, spread, supervised } from './http.js';
import { expressHello, fastifyHello, fetchHello, render } from './interfaces.js';
import { parser, ring } from './micro.js';
import { environ, machine } from './tsgi.js';

const QUESTIONS = {
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
};
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(QUESTIONS);

for (const name of names) {
  const ask = QUESTIONS[name];
  if (ask === undefined) {
    console.error(`Unknown question ${name}: choose from ${Object.keys(QUESTIONS).join(', ')}`);
    process.exit(2);
  }
  console.log(await ask());
}
process.exit(0);
