/**
 * Runs one application on Node and under this server, sends both the same requests, and reports the differences.
 *
 * Law: defines what counts as equal: status, reason, header fields as sent in any order, bytes, trailers and interim
 * responses. Date, Connection and Keep-Alive describe the server and its connection, so they do not count.
 */
import { STATUS_CODES } from 'node:http';
import { Client } from './client.js';
import { startOnNode, startOnThreads } from './start.js';

const LEFT_OUT = new Set(['date', 'connection', 'keep-alive']);
const FRAMING = new Set(['content-length', 'transfer-encoding']);
/** Concurrent requests, each on its own connection. */
export const BURST = 16;

/**
 * @param cell a row of `cells.js`
 * @returns {Promise<{ form: string, problems: string[] }[]>} a result for each form; the reference is `cell.program`
 */
export async function compareCell(cell) {
  const expected = await answersOf(startOnNode({ ...cell, file: cell.program }), cell.requests);
  const results = [];
  for (const form of cell.forms) {
    const started = startOnThreads({ threads: 2, ...cell, flags: [], ...form });
    try {
      const answers = await answersOf(started, cell.requests);
      results.push({ form: form.form, problems: differences(expected, answers, { ...cell, ...form }) });
    } catch (error) {
      results.push({ form: form.form, problems: [`${error.message}\n${started.output}`] });
    }
  }
  return results;
}

/** Responses by the name of their request, and faults at the end of the process. */
export async function answersOf(started, requests) {
  const answers = new Map();
  try {
    const port = await started.port();
    let client = new Client(port);
    for (const request of requests) {
      if (client.over) client = new Client(port);
      answers.set(request.name, await answerTo(client, request, answers));
    }
    client.close();
    const burst = await Promise.all(Array.from({ length: BURST }, () => alone(port, requests[0])));
    burst.forEach((answer, i) => answers.set(`${requests[0].name}, ${i + 1} of ${BURST} at once`, answer));
  } finally {
    const { code, signal } = await started.end();
    answers.end = signal ?? code;
  }
  return answers;
}

async function alone(port, request) {
  const client = new Client(port);
  const answer = await answerTo(client, request, new Map());
  client.close();
  return answer;
}

async function answerTo(client, request, answers) {
  const { method = 'GET', body, version = '1.1' } = request;
  const [path, given = {}] = [request.path, request.headers].map((part) =>
    typeof part === 'function' ? part(answers) : part,
  );
  const pieces = body === undefined ? [] : [body].flat().map((piece) => Buffer.from(piece));
  const isChunked = Array.isArray(body);
  const headers = {
    Host: 'grid.test',
    ...(body !== undefined && !isChunked ? { 'Content-Length': pieces[0].length } : {}),
    ...(isChunked ? { 'Transfer-Encoding': 'chunked' } : {}),
    ...given,
  };
  const fields = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}\r\n`),
  );
  const head = `${method} ${path} HTTP/${version}\r\n${fields.join('')}\r\n`;
  try {
    return shown(await client.ask(head, isChunked ? chunked(pieces) : pieces));
  } catch (error) {
    client.close();
    return { failed: error.message };
  }
}

function chunked(pieces) {
  const framed = pieces.map((piece) =>
    Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
  );
  return [...framed, Buffer.from('0\r\n\r\n')];
}

/** A response in the form that is compared and printed. */
function shown({ status, reason, headers, body, trailers, interim, cut = false }) {
  return {
    status,
    reason,
    headers: fieldsOf(headers),
    body,
    trailers: fieldsOf(trailers),
    interim: interim.map(
      (answer) => `${answer.status} ${answer.reason} ${fieldsOf(answer.headers).join(' ')}`,
    ),
    cut,
  };
}

/** Sorted by name; fields of the same name keep their order. */
function fieldsOf(headers) {
  return headers
    .filter(([name]) => !LEFT_OUT.has(name.toLowerCase()))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${name}: ${value}`);
}

function differences(expected, answers, { ignore = [], isFetch = false }) {
  const problems = [];
  for (const [name, before] of expected) {
    if (before.failed !== undefined) problems.push(`${name}: no response on node:http: ${before.failed}`);
    const [want, got] = [before, answers.get(name)].map(isFetch ? asFetch : (answer) => answer);
    for (const part of new Set([...Object.keys(want), ...Object.keys(got)])) {
      const [a, b] = [textOf(want[part], ignore), textOf(got[part], ignore)];
      if (a !== b) problems.push(`${name}: ${part} on node:http ${around(a, b)}, here ${around(b, a)}`);
    }
  }
  if (answers.end !== 0) problems.push(`the program did not end by itself, but with ${answers.end}`);
  return problems;
}

/**
 * The parts that a `Response` determines. It has no case of names and no framing, and may lack a reason: the server
 * adds these.
 */
function asFetch(answer) {
  if (answer.failed !== undefined) return answer;
  const headers = answer.headers.flatMap((field) => {
    const [name] = field.split(':', 1);
    const lower = name.toLowerCase();
    return FRAMING.has(lower) ? [] : [lower + field.slice(name.length).replaceAll('; ', ';')];
  });
  return { ...answer, headers, reason: answer.reason || STATUS_CODES[answer.status] };
}

function textOf(value, ignore) {
  const text = Buffer.isBuffer(value) ? value.toString('latin1') : JSON.stringify(value ?? null);
  return ignore.reduce((left, pattern) => left.replaceAll(pattern, '…'), text);
}

/** A long text, cut to begin shortly before the first difference. */
function around(text, other) {
  if (text.length < 300) return text;
  let at = 0;
  while (text[at] === other[at]) at++;
  return `(${text.length} characters) …${text.slice(Math.max(0, at - 60), at + 200)}`;
}
