// Fine-tuning: a frozen batch norm keeps its statistics while the rest of the network learns.
import {
  backward,
  BatchNorm2D,
  Flatten2D,
  FrozenBatchNorm2D,
  Linear,
  Sequential,
  Sgd,
  Tensor,
} from 'batchnorm';

const pretrained = new BatchNorm2D(3);
pretrained.runningMean.data.set([0.4, 0.5, 0.6]);
pretrained.runningVar.data.set([0.04, 0.05, 0.06]);

// A separate class with one mode: forward takes tensors with and without a tape.
const frozen = FrozenBatchNorm2D.from(pretrained);
const net = new Sequential(frozen, new Flatten2D(), new Linear(12, 2));

const images = Tensor.ones([8, 3, 2, 2]);
const gradients = backward(net.forwardMut(images.trace()).square().mean());
console.log(gradients.get(frozen.scale)); // undefined
new Sgd({ lr: 0.1 }).update(net, gradients);
console.log(frozen.runningMean.array()[1]); // 0.5

// With { trainable: true }, scale and bias are trained; the statistics still do not change.
const trainable = FrozenBatchNorm2D.from(pretrained, { trainable: true });
const loss = trainable.forward(images.trace()).sum();
console.log(backward(loss).get(trainable.bias)?.array()); // [ 32, 32, 32 ]
