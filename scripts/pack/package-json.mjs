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
  writeFileSync('package.json', `${JSON.stringify(published, null, 2)}\n`);
}

export function restorePackageJson() {
  if (existsSync(original)) renameSync(original, 'package.json');
}
