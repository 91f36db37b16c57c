/**
 * The first module of a thread or process that the application starts. It enables the thread to load TypeScript.
 *
 * Law: reads the data that `started-threads.ts` has put into its address.
 */
import type { RuntimeData } from './data.ts';
import { install } from './install.ts';

await install(JSON.parse(new URL(import.meta.url).searchParams.get('data')!) as RuntimeData);
