import { crc32 } from 'node:zlib';
import { loadNpz, type NpzReader, type NpzWriter, type Resumable, type Training } from 'batchnorm';
import type { Contestant } from './contestant.js';
import type { Images } from './dataset.js';
import { Input } from './input.js';
import { makeNormalized } from './model.js';

/** The settings that must be equal for a training run to resume. */
export interface Settings {
  readonly seed: number;
  readonly epochs: number;
  readonly images: Images;
}

/**
 * The complete comparison, for `saveCheckpoint` and `loadCheckpoint`. Used as a weights file, it contains the network
 * with batch norm.
 */
export function checkpointOf(
  [withBatchNorm, without]: readonly [Contestant, Contestant],
  settings: Settings,
): Training {
  return {
    model: withBatchNorm.network,
    generators: { with: withBatchNorm.run.generator, without: without.run.generator },
    parts: {
      // First, so that a wrong option is reported before its consequences.
      settings: new SavedSettings(settings),
      input: Input.of(settings.images),
      with: withBatchNorm,
      without,
      network_without: without.network,
    },
  };
}

/** The network with batch norm and its input format. */
export interface Trained {
  readonly network: ReturnType<typeof makeNormalized>;
  readonly input: Input;
}

/**
 * Loads the network with batch norm for inference from a checkpoint of `npm start`, or of any training of this model
 * with a part `input`.
 * @throws FileFormatError if the file contains no network or a different one.
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

/** Refuses a checkpoint with different settings and names the first difference. */
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
