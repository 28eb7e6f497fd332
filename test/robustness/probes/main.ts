// The long run: the given number of cases of each kind, from a seed that is printed.
//
//   npm run check -- probes [cases of each kind, 2000 by default] [archives|safetensors|sequences|all] [seed]
//
// Archives and safetensors files are loaded within limits of time and memory. A failing file is left in
// build-probes/, with its mutation in the message.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backend } from 'batchnorm';
import { peakMemory } from '../../support/peak-memory.js';
import { withinBounds } from './bounds.js';
import { Choices } from './choices.js';
import { loadArchive } from './npz/load-archive.js';
import * as npz from './npz/mutations.js';
import * as safetensors from './safetensors/files.js';
import { loadFile } from './safetensors/load-file.js';
import { runSequences } from './sequences/property.js';

interface FileKind {
  readonly mutant: (choices: Choices) => { readonly what: string; readonly bytes: Buffer };
  readonly load: (path: string, bytes: Buffer) => Promise<'loaded' | 'refused'>;
}

const fileKinds: Readonly<Record<string, FileKind>> = {
  archives: { mutant: npz.mutant, load: loadArchive },
  safetensors: { mutant: safetensors.mutant, load: loadFile },
};

async function probeFiles(name: string, count: number, seed: number): Promise<void> {
  const { mutant, load } = fileKinds[name];
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
  const outcomes = { loaded: 0, refused: 0 };
  // Excludes compiled code and buffers of the first cases.
  for (let number = 0; number < 100; number++) {
    await load(join(folder, 'file'), mutant(new Choices(seed, number)).bytes);
  }
  const before = peakMemory();
  for (let number = 0; number < count; number++) {
    const { what, bytes } = mutant(new Choices(seed, number));
    try {
      outcomes[await withinBounds(() => load(join(folder, 'file'), bytes))]++;
    } catch (cause) {
      mkdirSync('build-probes', { recursive: true });
      writeFileSync(`build-probes/${name}-${seed}-${number}`, bytes);
      throw new Error(`${name} ${number} of seed ${seed}: ${what}`, { cause });
    }
  }
  rmSync(folder, { recursive: true });
  const grown = (peakMemory() - before) / 1024;
  console.log(
    `${name}: ${count} of seed ${seed}: ${outcomes.loaded} loaded, ${outcomes.refused} refused; the process grew by ${grown.toFixed(0)} MB`,
  );
}

async function probeSequences(count: number, seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
  const seen = await runSequences(count, seed, join(folder, 'layer.npz'));
  rmSync(folder, { recursive: true });
  console.log(`sequences: ${count} of seed ${seed}: ${JSON.stringify(seen)}`);
}

const [countText = '2000', kind = 'all', seedText = String(Date.now() % 1e9)] = process.argv.slice(2);
const count = Number(countText);
const seed = Number(seedText);
const known = [...Object.keys(fileKinds), 'sequences', 'all'];
if (!Number.isSafeInteger(count) || count < 1 || !known.includes(kind) || Number.isNaN(seed)) {
  console.error(`Expected a number of cases, one of ${known.join(', ')} and a seed`);
  process.exit(2);
}
console.log(`${backend.name} ${backend.isa}`);
for (const name of Object.keys(fileKinds)) {
  if (kind === name || kind === 'all') await probeFiles(name, count, seed);
}
if (kind === 'sequences' || kind === 'all') await probeSequences(count, seed);
