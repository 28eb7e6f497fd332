// ResNet-8 for images of 3 x 32 x 32; test/conformance/reference/resnet/network.py is the same network in PyTorch.
import {
  AvgPoolGlobal,
  BatchNorm2D,
  Conv2D,
  GeneralizedResidual,
  Linear,
  ReLU,
  Residual,
  Sequential,
} from '../../dist/index.js';

export const classes = 10;

function convolution(inputs, outputs, kernel, stride = 1) {
  return new Conv2D(inputs, outputs, kernel, {
    stride,
    padding: Math.floor(kernel / 2),
    bias: false,
  });
}

/** The residual branch of a block: two convolutions of 3 x 3. */
function way(inputs, outputs, stride = 1) {
  return new Sequential(
    convolution(inputs, outputs, 3, stride),
    new BatchNorm2D(outputs),
    new ReLU(),
    convolution(outputs, outputs, 3),
    new BatchNorm2D(outputs),
  );
}

function shortcut(inputs, outputs, stride) {
  return new Sequential(convolution(inputs, outputs, 1, stride), new BatchNorm2D(outputs));
}

export function resnet8() {
  return new Sequential(
    convolution(3, 16, 3),
    new BatchNorm2D(16),
    new ReLU(),
    new Residual(way(16, 16)),
    new ReLU(),
    new GeneralizedResidual(way(16, 32, 2), shortcut(16, 32, 2)),
    new ReLU(),
    new GeneralizedResidual(way(32, 64, 2), shortcut(32, 64, 2)),
    new ReLU(),
    new AvgPoolGlobal(),
    new Linear(64, classes),
  );
}
