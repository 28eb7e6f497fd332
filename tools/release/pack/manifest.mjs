// prebuilds/manifest.json: the binaries in the package, with sizes and hashes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { sha256, sourcesHash } from '../prebuild/sources.mjs';
import { binaryOf, noteOf, targets, targetsOf } from '../prebuild/targets.mjs';

/** All platforms for a release, otherwise those that one Linux machine can build. */
export function requiredTargets() {
  return process.env.BATCHNORM_RELEASE === '1' ? Object.keys(targets) : targetsOf('linux');
}

/** @returns {{ problems: string[], manifest: object }} nothing may be packed if there are problems. */
export function readBinaries() {
  const problems = [];
  const binaries = {};
  const sources = sourcesHash();
  const present = existsSync('prebuilds') ? readdirSync('prebuilds') : [];
  for (const target of Object.keys(targets)) {
    const binary = binaryOf(target).replaceAll('\\', '/');
    if (!present.includes(target)) {
      if (requiredTargets().includes(target)) problems.push(`${binary} is missing`);
      continue;
    }
    if (!existsSync(binary) || !existsSync(noteOf(target))) {
      problems.push(`${binary} is missing`);
      continue;
    }
    const note = JSON.parse(readFileSync(noteOf(target), 'utf8'));
    const content = readFileSync(binary);
    if (sha256(content) !== note.sha256) problems.push(`${binary} differs from the built binary`);
    if (sources !== note.sources) problems.push(`${binary} is older than its sources`);
    binaries[binary] = { bytes: content.length, sha256: note.sha256 };
  }
  return { problems, manifest: { sources, binaries } };
}
