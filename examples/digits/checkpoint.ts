import { crc32 } from 'node:zlib';
import { loadNpz, type NpzReader, type NpzWriter, type Resumable, type Training } from 'batchnorm';
import type { Contestant } from './contestant.js';
import type { Images } from './dataset.js';
import { Input } from './input.js';
import { makeNormalized } from './model.js';

/** What must be the same for a training to go on as it would have. */
export interface Settings {
  readonly seed: number;
  readonly epochs: number;
  readonly images: Images;
}

/**
 * All of the comparison, for `saveCheckpoint` and `loadCheckpoint`. As a file of weights it is that of the
 * network with batch norm.
 */
export function checkpointOf(
  [withBatchNorm, without]: readonly [Contestant, Contestant],
  settings: Settings,
): Training {
  return {
    model: withBatchNorm.network,
    generators: { with: withBatchNorm.run.generator, without: without.run.generator },
    parts: {
      // First, so that a wrong option is named before what follows from it.
      settings: new SavedSettings(settings),
      input: Input.of(settings.images),
      with: withBatchNorm,
      without,
      network_without: without.network,
    },
  };
}

/** The network with batch norm, and what it was trained to see. */
export interface Trained {
  readonly network: ReturnType<typeof makeNormalized>;
  readonly input: Input;
}

/**
 * Loads what it takes to use the network with batch norm from a checkpoint: of `npm start`, or of any training whose
 * model it is and that has a part `input`.
 * @throws FileFormatError where the file has another network, or none.
 */
export async function loadTrained(path: string): Promise<Trained> {
  const network = makeNormalized(Math.random);
  const input = new Input();
  await loadNpz(path, {
    async read(zip) {
      await network.read(zip, '');
      await input.read(zip, 'checkpoint.part.input.');
    },
  });
  return { network, input };
}

/** Refuses a checkpoint that was made with other settings, naming the first that differs. */
class SavedSettings implements Resumable {
  readonly #settings: readonly (readonly [name: string, value: number, meaning: string])[];

  constructor({ seed, epochs, images }: Settings) {
    this.#settings = [
      ['seed', seed, '--seed'],
      ['epochs', epochs, '--epochs'],
      ['images', images.count, 'the number of training images'],
      ['checksum', crc32(images.pixels), 'the checksum of the training images'],
    ];
  }

  write(zip: NpzWriter, prefix: string): void {
    for (const [name, value] of this.#settings) zip.number(`${prefix}${name}.npy`, value);
  }

  async read(zip: NpzReader, prefix: string): Promise<void> {
    for (const [name, value, meaning] of this.#settings) {
      await zip.number(`${prefix}${name}.npy`, {
        expected: `${value}, which is ${meaning}`,
        fits: (saved) => saved === value,
      });
    }
  }
}
