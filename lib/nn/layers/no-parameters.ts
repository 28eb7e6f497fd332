import { BaseModule } from '../base-module.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

declare const layerName: unique symbol;

/** A layer without parameters. */
export abstract class NoParameters<Name extends string> extends BaseModule {
  static {
    guardMethods(this);
  }

  /** Tells the compiler layers apart that have the same members; no value has it. */
  declare protected readonly [layerName]: Name;

  /** Takes no arguments. @throws TypeError for any. */
  constructor() {
    // Of the derived classes without a constructor of their own: new Softmax(1).
    if (arguments.length > 0) requireNoSurplus(`new ${new.target.name}`, 0, arguments);
    super();
  }
}
