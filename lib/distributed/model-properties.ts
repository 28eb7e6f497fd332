import { createRequire } from 'node:module';
import { backend } from '../backend/index.js';
import { formatShape } from '../core/shape.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { readParameters } from '../module/module.js';
import { trainableParameters } from '../nn/trainable.js';
import type { Property } from './exchange-text.js';

/** The properties in which all ranks must agree in order to compute the same bits. */
export function modelProperties(
  model: CanUpdateWithGradients,
  optimizer: object | undefined,
): readonly Property[] {
  const { name, isa } = backend.info;
  const learned = new Set(trainableParameters(model).map(({ id }) => id));
  return [
    ['version of batchnorm', version()],
    ['backend', name],
    ['instruction set (BATCHNORM_ISA chooses one that all processors have)', isa],
    ['optimizer', optimizer === undefined ? 'none' : optimizer.constructor.name],
    ...readParameters('model', model).map(([parameter, { id, shape }]): Property => {
      const kind = learned.has(id) ? 'learned' : 'not learned';
      return [parameter, `shape ${formatShape(shape)} (${kind})`];
    }),
  ];
}

/** The version of this package, or of the bundle that contains it. */
function version(): string {
  try {
    const manifest = createRequire(import.meta.url)('../../package.json') as { readonly version?: unknown };
    return String(manifest.version);
  } catch {
    return 'unknown';
  }
}
