import type { JsonReader } from '../../json/json-reader.js';
import type { Layer } from '../shape-rule.js';
import { BaseModule } from '../base-module.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

declare const layerName: unique symbol;

/** A layer without parameters. */
export abstract class NoParameters<Name extends string> extends BaseModule {
  static {
    guardMethods(this);
  }

  /** Lets the compiler distinguish layers with the same members; no value has this field. */
  declare protected readonly [layerName]: Name;

  /** @internal Creates a layer of this class from its JSON; a class with settings overrides it. */
  static read(this: new () => Layer, _reader: JsonReader): Layer {
    return new this();
  }

  /**
   * Creates the layer.
   * @throws TypeError for any argument.
   */
  constructor() {
    // Derived classes without their own constructor are called with these arguments: new Softmax(1).
    if (arguments.length > 0) requireNoSurplus(`new ${new.target.name}`, 0, arguments);
    super();
  }
}
