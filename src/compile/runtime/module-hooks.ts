/**
 * Node 20's hooks for `import`. They run on the thread that Node keeps for hooks.
 *
 * Law: only calls the steps in `modules.ts`.
 */
import type { RuntimeData } from './data.ts';
import { asked, compiled, type Context, missing, type Resolved } from './modules.ts';
import { Sources } from './sources.ts';

const sources = new Sources();

export function initialize(data: RuntimeData): void {
  sources.add(data);
}

export async function resolve(
  specifier: string,
  given: Context,
  next: (specifier: string, context: Context) => Promise<Resolved>,
): Promise<Resolved> {
  const context = asked(specifier, given, sources);
  if (context === null) return next(specifier, given);
  try {
    return compiled(await next(specifier, context), sources);
  } catch (error) {
    return missing(error, specifier, context, sources);
  }
}
