/**
 * `--import`: modules that are loaded in a worker before the application.
 *
 * Law: loads them, one after the other, in the order in which they were given.
 */
import { errorText } from '../../error-text.ts';
import { OptionError } from '../../errors.ts';

export interface PreloadedModule {
  /** As the user calls it. */
  readonly name: string;
  /** What is imported. */
  readonly url: string;
}

/** @throws OptionError TSGI_ERR_APP_LOAD that names the module, with the stack of what it threw */
export async function loadImports(modules: readonly PreloadedModule[]): Promise<void> {
  for (const { name, url } of modules) {
    try {
      await import(url);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const told = new OptionError(
        'TSGI_ERR_APP_LOAD',
        `The module ${name} (--import) threw while it loaded: ${why}`,
        { cause: error },
      );
      if (error instanceof Error) told.stack = errorText(error);
      throw told;
    }
  }
}
