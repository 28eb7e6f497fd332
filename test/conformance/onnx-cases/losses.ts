import { type CrossEntropyOptions, crossEntropyWithLogitsLoss, stack } from 'batchnorm';
import { type Any, full, type Operators, scalar } from './operator.js';
import type { Call } from './value.js';

/** The options of a loss, whose weights are its third input. */
function lossOptions(call: Call): CrossEntropyOptions {
  const reduction = call.text('reduction', 'mean');
  if (reduction !== 'mean' && reduction !== 'sum' && reduction !== 'none') {
    throw new Error(`Expected a reduction but found ${reduction}`);
  }
  const ignored = call.number('ignore_index', NaN);
  return {
    reduction,
    ...(call.has(2) && { classWeights: call.floats(2).data }),
    ...(!Number.isNaN(ignored) && { ignoreIndex: ignored }),
  };
}

/** Cross entropy, with log(softmax) over the second axis as a second output. */
function softmaxCrossEntropy(call: Call): readonly Any[] {
  const x = call.floats(0);
  const loss: Any = crossEntropyWithLogitsLoss(x, call.any(1), lossOptions(call));
  if (call.node.outputs.length === 1) return [loss];
  const last = x.transpose(1, -1);
  const classes = last.shape[last.shape.length - 1];
  const logProbabilities = last.reshape([-1, classes]).logSoftmax().reshape(last.shape);
  return [loss, logProbabilities.transpose(1, -1)];
}

/** The weighted sum over one-hot targets: the inputs of ONNX's cases are no logarithms, so that cross entropy would differ. */
function negativeLogLikelihood(call: Call): Any {
  const [x, targets] = [call.floats(0), call.any(1)];
  const { reduction, ignoreIndex } = lossOptions(call);
  const classes = Array.from({ length: x.shape[1] }, (_, index) => targets.equal(index));
  const counted = ignoreIndex === undefined ? full(targets.shape, 1) : targets.notEqual(ignoreIndex);
  const mask: Any = stack(classes, { axis: 1 }).mul(counted.reshape([x.shape[0], 1, ...x.shape.slice(2)]));
  const weights = call.has(2) ? call.floats(2).reshape([-1, ...x.shape.slice(2).map(() => 1)]) : scalar(1);
  const weighted = mask.mul(weights);
  const losses: Any = x.mul(weighted).mul(-1).sum({ axes: 1 });
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? losses.sum() : losses.sum().div(weighted.sum());
}

/** Losses. */
export const losses: Operators = {
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
  NegativeLogLikelihoodLoss: negativeLogLikelihood,
};
