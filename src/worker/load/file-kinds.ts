/**
 * Files that an application imports and Node cannot load: their kinds, with a remedy for each.
 *
 * Law: decides by the file's extension.
 */
import path from 'node:path';

const READ = "read it instead: fs.readFileSync(new URL('./file', import.meta.url))";

const KINDS: readonly (readonly [RegExp, string])[] = [
  [
    /^\.(?:css|scss|sass|less|styl|pcss)$/,
    'A stylesheet is for a bundler. Remove the import, or build the application with its bundler and serve what the bundler writes.',
  ],
  [
    /^\.(?:vue|svelte|astro|mdx|marko)$/,
    'A component must be compiled first. Build the application with the tool of its framework and serve what the tool writes.',
  ],
  [
    /^\.(?:png|jpe?g|gif|webp|avif|ico|svg|bmp|mp[34]|webm|woff2?|ttf|otf|eot|pdf)$/,
    `Node.js imports no media. Serve the file, or ${READ}.`,
  ],
  [
    /^\.(?:graphql|gql|sql|txt|md|html?|ya?ml|toml|json5|csv|xml|proto|hbs|ejs|pug)$/,
    `Node.js imports no text. Parse it at run time: ${READ}.`,
  ],
  [/^\.node$/, "Load a native add-on with require: createRequire(import.meta.url)('./file.node')."],
  [/^\.wasm$/, `Compile it at run time: ${READ}, then WebAssembly.compile.`],
  [
    /^\.[cm]?tsx?$|^\.jsx$/,
    'A package imports TypeScript by a path that the server cannot see ahead. Import the file from the application, or use Node.js 22.15 or later.',
  ],
];

const OTHER = `Node.js loads JavaScript and JSON, and the server compiles TypeScript. For other files, ${READ}, or register a loader with --import.`;
const CODE = /^\.(?:[cm]?js|json)$/;

/** Undefined if the file is code. */
export function kindRemedy(file: string): string | undefined {
  const extension = path.extname(file);
  if (extension === '' || CODE.test(extension)) return undefined;
  return KINDS.find(([pattern]) => pattern.test(extension))?.[1] ?? OTHER;
}
