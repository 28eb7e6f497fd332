import {
  backward,
  BatchNorm2D,
  GeneralizedResidual,
  ReLU,
  Sequential,
  type Shape,
  type OwnedTape,
  type Tensor,
} from 'batchnorm';

/** What a layer takes of a training step. */
export interface LayerTime {
  /** Its place in the network, as in its `.npz` file, and its kind. */
  readonly name: string;
  /** Milliseconds: the fastest of some repetitions, which other work on the machine disturbs least. */
  readonly forward: number;
  readonly backward: number;
}

export const REPETITIONS = 15;

type Input = Tensor<Shape>;
type Taped = Tensor<Shape, OwnedTape>;
/** From inputs with a tape to the output of one layer. */
type Step = (...inputs: readonly Taped[]) => Taped;

/**
 * Times each layer of a network by itself, forward and backward in training, on what the layers before make of a
 * batch. Batch norm is timed together with the ReLU behind it, and the sum between them, as it runs in the
 * network. Changes running statistics.
 */
export function timeLayers(network: { readonly layers: readonly unknown[] }, batch: Input): LayerTime[] {
  const times: LayerTime[] = [];
  timeChain(network.layers, '', batch, times);
  return times;
}

/** Gives what the layers make of x. `behind` is what is added to that, before a ReLU. */
function timeChain(
  layers: readonly unknown[],
  place: string,
  x: Input,
  times: LayerTime[],
  behind?: Input,
): Input {
  let value = x;
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i];
    const name = `${place}${i}`;
    const joined = layers[i + 1] instanceof ReLU;
    const addend = i === layers.length - 1 ? behind : undefined;
    if (layer instanceof GeneralizedResidual && joined) {
      value = timeBlock(layer, name, value, times);
      i++;
    } else if (layer instanceof BatchNorm2D && (joined || addend !== undefined)) {
      const norm = layer as BatchNorm2D<number>;
      const step: Step = (input, added) => norm.forwardMutRelu(input as never, added as never);
      const kind = addend === undefined ? 'BatchNorm2D + ReLU' : 'BatchNorm2D + sum + ReLU';
      value = timeStep(`${name} ${kind}`, step, addend ? [value, addend] : [value], times);
      if (joined) i++;
    } else {
      const kind = (layer as object).constructor.name;
      value = timeStep(`${name} ${kind}`, (input) => train(layer, input), [value], times);
    }
  }
  return value;
}

function timeBlock(
  block: { readonly f: unknown; readonly r: unknown },
  name: string,
  x: Input,
  times: LayerTime[],
): Input {
  const right = timeChain(chain(block.r), `${name}.r.`, x, times);
  return timeChain(chain(block.f), `${name}.f.`, x, times, right);
}

function chain(layer: unknown): readonly unknown[] {
  return layer instanceof Sequential ? (layer.layers as readonly unknown[]) : [layer];
}

function train(layer: unknown, x: Taped): Taped {
  // Layers without a mode have forward only.
  const { forwardMut, forward } = layer as { forwardMut?: Step; forward: Step };
  return (forwardMut ?? forward).call(layer, x);
}

function timeStep(name: string, step: Step, inputs: readonly Input[], times: LayerTime[]): Input {
  const forward: number[] = [];
  const backwards: number[] = [];
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    const begin = performance.now();
    const y = step(...inputs.map((input) => input.trace()));
    const middle = performance.now();
    const loss = y.mean();
    const beginBackward = performance.now();
    backward(loss);
    backwards.push(performance.now() - beginBackward);
    forward.push(middle - begin);
  }
  times.push({ name, forward: Math.min(...forward), backward: Math.min(...backwards) });
  return step(...inputs.map((input) => input.trace()))
    .clone()
    .detach();
}
