/**
 * The first module of a thread or process that the application starts: what it loads may be TypeScript.
 *
 * Law: reads what `started-threads.ts` has put into its address.
 */
import type { RuntimeData } from './data.ts';
import { install } from './install.ts';

await install(JSON.parse(new URL(import.meta.url).searchParams.get('data')!) as RuntimeData);
