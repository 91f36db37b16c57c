/**
 * `--import`: modules that a worker loads before the application.
 *
 * Law: loads them one after the other, in the order of the options.
 */
import { errorText } from '../../error-text.ts';
import { OptionError } from '../../errors.ts';

export interface PreloadedModule {
  /** The module as the user names it. */
  readonly name: string;
  /** The URL to import. */
  readonly url: string;
}

/** @throws OptionError TSGI_ERR_APP_LOAD with the module's name and the stack of the module's error */
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
