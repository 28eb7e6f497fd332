import { backend } from '../backend/index.js';
import type { Engine } from './engine.js';
import { nativeEngine } from './native-engine.js';
import { needsScript, type Program } from './program.js';
import { scriptEngine } from './script-engine.js';

const native = backend.plans === undefined ? undefined : nativeEngine(backend.plans);

/** The engine that runs a program: the addon, unless JavaScript computes some of the operations. */
export function engineFor(program: Program): Engine<unknown> {
  return native === undefined || needsScript(program) ? scriptEngine : native;
}
