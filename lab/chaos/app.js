/**
 * The application under attack. It records its calls in shared memory and answers as the request demands.
 *
 * `marks` is environment data with three words for each request: the number of times it began, whether it ended, and
 * its thread.
 */
import { getEnvironmentData, threadId } from 'node:worker_threads';

const marks = getEnvironmentData('marks');
/** A word for each thread that ever ran the application. */
const called = getEnvironmentData('called');
const begun = (id) => {
  if (marks === undefined) return;
  // The owner comes first, because the thread may be killed between the two stores.
  Atomics.store(marks, id * 3 + 2, threadId);
  Atomics.add(marks, id * 3, 1);
  Atomics.store(called, threadId, 1);
};
const ended = (id) => marks !== undefined && Atomics.store(marks, id * 3 + 1, 1);
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const burn = (milliseconds) => {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
};

async function* pieces(id) {
  for (const part of ['<', String(id), '>']) {
    await wait(1);
    yield part;
  }
  ended(id);
}

export default async (environ, startResponse) => {
  const id = Number(environ.QUERY_STRING);
  begun(id);
  switch (environ.PATH_INFO) {
    case '/await':
      await wait(3);
      break;
    case '/cpu':
      burn(2);
      break;
    case '/read':
      for await (const chunk of environ['tsgi.input']) if (chunk.length === 0) break;
      break;
    case '/stream':
      startResponse(200, []);
      return pieces(id);
    case '/throw':
      throw new Error('as asked');
    case '/exit':
      process.exit(9);
      break;
    case '/reject':
      setTimeout(() => Promise.reject(new Error('as asked')), 1);
      await wait(1000);
      break;
    case '/late':
      await wait(2000);
      break;
    case '/loop':
      for (;;);
  }
  startResponse(200, []);
  ended(id);
  return `<${id}>`;
};
