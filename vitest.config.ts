import { defineConfig } from 'vitest/config';

const report = process.env.TSGI_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // More than there are processors here: half of the tests wait for something most of their time.
    maxWorkers: 4,
    // CI counts what passed from a report.
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
