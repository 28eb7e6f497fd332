import type { Engine } from './engine.js';
import type { Program } from './program.js';
import { scriptEngine } from './script-engine.js';

/** The engine that runs a program. */
export function engineFor(_program: Program): Engine<unknown> {
  return scriptEngine;
}
