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

/** The time of a layer in a training step. */
export interface LayerTime {
  /** Its path in the network, as in the `.npz` file, and its class. */
  readonly name: string;
  /** Milliseconds: the fastest repetition, which is least disturbed by other processes. */
  readonly forward: number;
  readonly backward: number;
}

export const REPETITIONS = 15;

type Input = Tensor<Shape>;
type Taped = Tensor<Shape, OwnedTape>;
/** Maps inputs with a tape to the output of one layer. */
type Step = (...inputs: readonly Taped[]) => Taped;

/**
 * Times the forward and backward training pass of each layer separately, on the outputs of the layers before. Batch norm
 * is timed together with the next ReLU and the sum in between, since the network fuses them. Changes running statistics.
 */
export function timeLayers(network: { readonly layers: readonly unknown[] }, batch: Input): LayerTime[] {
  const times: LayerTime[] = [];
  timeChain(network.layers, '', batch, times);
  return times;
}

/** Returns the output of the layers for x. `residual` is added to it before a ReLU. */
function timeChain(
  layers: readonly unknown[],
  place: string,
  x: Input,
  times: LayerTime[],
  residual?: Input,
): Input {
  let value = x;
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i];
    const name = `${place}${i}`;
    const joined = layers[i + 1] instanceof ReLU;
    const ownResidual = i === layers.length - 1 ? residual : undefined;
    if (layer instanceof GeneralizedResidual && joined) {
      value = timeBlock(layer, name, value, times);
      i++;
    } else if (layer instanceof BatchNorm2D && (joined || ownResidual !== undefined)) {
      const norm = layer as BatchNorm2D<number>;
      const step: Step = (input, added) => norm.forwardMutRelu(input as never, added as never);
      const kind = ownResidual === undefined ? 'BatchNorm2D + ReLU' : 'BatchNorm2D + sum + ReLU';
      value = timeStep(`${name} ${kind}`, step, ownResidual ? [value, ownResidual] : [value], times);
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
