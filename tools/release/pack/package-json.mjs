// package.json as published: CommonJS, with an entry for bundlers (bundle.mjs says why), and without what serves only a
// clone. npm would run `prepare` where somebody installs from git, and tell users of scripts that they do not have.
import { readFileSync } from 'node:fs';

/** @returns {object} package.json as published. */
export function publishedManifest() {
  const published = JSON.parse(readFileSync('package.json', 'utf8'));
  delete published.scripts;
  delete published.devDependencies;
  delete published.imports; // of single modules, for our tests
  published.type = 'commonjs';
  const { exports } = published;
  for (const [name, entry] of Object.entries(exports)) {
    if (typeof entry === 'string') continue;
    exports[name] = {
      types: entry.types,
      module: entry.default.replace(/\.js$/, '.mjs'),
      default: entry.default,
    };
  }
  // For tools that do not read `exports`, such as TypeScript's node10 resolution.
  published.main = exports['.'].default;
  published.types = exports['.'].types;
  published.typesVersions = { '*': { raw: [exports['./raw'].types] } };
  // They note where the binaries are; nothing is imported from them.
  published.sideEffects = ['./dist/*.mjs', './dist/*.js', './dist/backend*'];
  // Provenance ties the package to the repository that a public runner builds: a fork names itself.
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
  if (server && repository) {
    published.homepage = `${server}/${repository}#readme`;
    published.bugs = `${server}/${repository}/issues`;
    published.repository = { type: 'git', url: `git+${server}/${repository}.git` };
  }
  return published;
}
