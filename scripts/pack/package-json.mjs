// package.json as published: without what serves a clone alone. npm would run `prepare` where somebody
// installs from git, and tell users of scripts that they do not have.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';

const folder = 'build-pack';
const original = `${folder}/package.json`;

export function replacePackageJson() {
  restorePackageJson(); // an earlier run may have been killed
  mkdirSync(folder, { recursive: true });
  copyFileSync('package.json', original);
  const published = JSON.parse(readFileSync(original, 'utf8'));
  delete published.scripts;
  delete published.devDependencies;
  delete published.imports; // of single modules, for our tests
  // Provenance ties the package to the repository that a public runner builds.
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
  if (server && repository) {
    published.repository ??= { type: 'git', url: `git+${server}/${repository}.git` };
  }
  writeFileSync('package.json', `${JSON.stringify(published, null, 2)}\n`);
}

export function restorePackageJson() {
  if (existsSync(original)) renameSync(original, 'package.json');
}
