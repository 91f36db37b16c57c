/**
 * A reporter for `node --test-reporter`: prints one line for each test that passes.
 *
 * Law: loaded in the process of a suite; knows node:test's events alone.
 */
export default async function* passes(events) {
  const path = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') path.splice(data.nesting, path.length, data.name);
    // For node:test, a skipped test passes.
    if (type === 'test:pass' && data.details.type !== 'suite' && data.skip === undefined)
      yield `\npassed: ${[...path.slice(0, data.nesting), data.name].join(' › ').replaceAll('\n', ' ')}\n`;
  }
}
