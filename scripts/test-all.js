/**
 * Runs the suite with its long forms: a thousand kills, and transfers of gigabytes.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const env = { ...process.env, TSGI_TEST_LONG: '1' };
const { status } = spawnSync('npx', ['--no-install', 'vitest', 'run'], { cwd: root, stdio: 'inherit', env });
process.exitCode = status ?? 1;
