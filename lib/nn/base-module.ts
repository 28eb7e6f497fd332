import { defineInspect } from '../printing/inspect.js';
import { describeLayer, type LayerDescription, layerType } from './layer-description.js';
import { type ModuleJson, moduleJson } from './module-json.js';
import { moduleText } from './module-text.js';
import { guardMethods, noteError } from '../validation/guard-methods.js';
import { noteOrigin } from './error-path.js';

/** What every module of the package can tell about itself. */
export abstract class BaseModule {
  static {
    guardMethods(this);
    defineInspect(this.prototype, function (depth) {
      return depth != null && depth < 0 ? `[${layerType(this)}]` : this.toString();
    });
  }

  /** Layers with their settings, the shapes of their tensors, and how many parameters there are; `console.log` shows
   * the same. */
  toString(): string {
    return moduleText(this);
  }

  /**
   * All settings and tensors, for `JSON.stringify`; `moduleFromJSON` makes a module of them. float32 values survive
   * exactly; a generator of random numbers is left out.
   * @throws TypeError where a module of yours inside has parameters and no toJSON(), RangeError where memory runs
   * out.
   */
  toJSON(): ModuleJson {
    return moduleJson(this);
  }

  /** @internal */
  [describeLayer](): LayerDescription {
    return {};
  }

  /** @internal */
  [noteError](error: unknown): void {
    noteOrigin(error, this);
  }
}
