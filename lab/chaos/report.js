/**
 * The page docs/internals/reliability.md, made from the results.
 */
const minutes = (seconds) => (seconds < 90 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(1)} min`);
const count = (number) => Number(number).toLocaleString('en');
const statusesOf = (statuses) =>
  Object.entries(statuses)
    .map(([status, number]) => `${count(number)} × ${status}`)
    .join(', ');

const SECTIONS = {
  rings: (r) => r.markdown.trim(),
  kills: (r) => `## Worker threads killed under load

The laboratory terminated ${count(r.kills)} threads at random moments in ${minutes(r.seconds)}, while 64 connections sent ${count(r.requests)} requests.

- Clients left ${count(r.left)} requests.
- Statuses of the others: ${statusesOf(r.statuses)}.
- ${count(r.truncated)} streams were cut after their head.

Each 502 is a request that ran on a killed thread. No request ran twice, was lost, or received another's answer. Nothing was left in the table, the slab or the
queue.`,
  reloads: (r) => `## Code reloaded under load

${count(r.reloads)} reloads in ${minutes(r.seconds)}, while 64 connections sent ${count(r.requests)} requests. Every request received 200.`,
  aborts: (r) => `## Processes aborted under supervision

The laboratory ended the serving process ${count(r.aborts)} times by SIGKILL or SIGABRT, with one connection for each request.

- No connect was refused.
- Another process served after ${r.median.toFixed(0)} ms (median), ${r.longest.toFixed(0)} ms (longest).
- Of ${count(r.requests)} requests, ${count(r.lost)} were in flight at an abort and lost with it.`,
  soak: (r) => `## Soak

For ${minutes(r.seconds)}, clients sent ordinary requests, and requests to handlers that throw, exit, reject, hang and loop forever. Clients left, workers were recycled, and code
was reloaded. Of ${count(r.requests)} requests, these statuses came: ${statusesOf(r.statuses)}.

Resources when the server was quiet, after each part:

| ${Object.keys(r.looks[0]).join(' | ')} |
| ${Object.keys(r.looks[0])
    .map(() => '---')
    .join(' | ')} |
${r.looks.map((look) => `| ${Object.values(look).join(' | ')} |`).join('\n')}

(\`rss\` and \`heap\` in MB, \`buffered\` in bytes.)`,
};

export function report(results) {
  const sections = Object.entries(SECTIONS).flatMap(([name, section]) => {
    const result = results[name];
    if (result === undefined) return [];
    const found = result.problems.slice(0, 20).map((problem) => `- ${problem}`);
    const problems = found.length === 0 ? '' : `\n\n**Problems found:**\n\n${found.join('\n')}`;
    return [
      `${section(result)}${problems}\n\n(\`--only ${name} --seed ${result.seed}\`; ${result.machine}.)`,
    ];
  });
  return `# Reliability

The chaos laboratory causes faults on purpose, and counts what they cost. \`npm run chaos -- --report\` writes this page.

${sections.join('\n\n')}
`;
}
