/**
 * What was found, as docs/internals/reliability.md.
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

${count(r.kills)} threads were terminated at random moments while 64 connections asked, in ${minutes(r.seconds)}. Of ${count(r.requests)}
requests ${count(r.left)} were left by their clients; the others were answered ${statusesOf(r.statuses)}, and ${count(r.truncated)} streams
were cut after their head. Each 502 is a request that was running on a killed thread; no request was run twice, lost or
answered with another's answer, and nothing was left in the table, the slab or the queue.`,
  reloads: (r) => `## Code reloaded under load

${count(r.reloads)} reloads while 64 connections asked, in ${minutes(r.seconds)}: ${count(r.requests)} requests, each answered 200.`,
  aborts: (r) => `## Processes aborted under supervision

${count(r.aborts)} times the process that serves was ended by SIGKILL or SIGABRT, with a connection a request. No connect was
refused; another served after ${r.median.toFixed(0)} ms (median), ${r.longest.toFixed(0)} ms (longest). Of ${count(r.requests)} requests ${count(r.lost)} were in flight at an
abort and lost with it.`,
  soak: (r) => `## Soak

${minutes(r.seconds)} of ordinary requests mixed with handlers that throw, exit, reject, hang and loop for ever, clients that leave,
recycling and reloads: ${count(r.requests)} requests, answered ${statusesOf(r.statuses)}.

Resources when all was quiet, a look after each part:

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

What was done to this server on purpose, and what came of it. Written by \`npm run chaos -- --report\`.

${sections.join('\n\n')}
`;
}
