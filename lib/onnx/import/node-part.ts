import { describeLayer } from '../../nn/layer-description.js';

/** Stands for a node without a layer in the path of an error: `in add_3 (Add)`. */
export class NodePart {
  constructor(operator: string) {
    Object.defineProperty(this, 'constructor', { value: Object.assign(() => undefined, { type: operator }) });
  }

  [describeLayer](): object {
    return {};
  }
}
