// Training: a network learns whether a point lies inside a circle.
import {
  Adam,
  backward,
  BatchNorm2D,
  crossEntropyWithLogitsLoss,
  Flatten2D,
  Linear,
  randomGenerator,
  ReLU,
  Sequential,
  Tensor,
} from 'batchnorm';

const rng = randomGenerator(1);
const net = new Sequential(
  new BatchNorm2D(2),
  new Flatten2D(),
  new Linear(2, 32, { rng }),
  new ReLU(),
  new Linear(32, 2, { rng }),
);

// Points as images of one pixel with two channels, x and y.
const count = 512;
const points = Tensor.from(
  Float32Array.from({ length: 2 * count }, () => 4 * rng() - 2),
  [count, 2, 1, 1],
);
const coordinates = points.clone().data;
const inside = Array.from({ length: count }, (_, i) =>
  Math.hypot(coordinates[2 * i], coordinates[2 * i + 1]) < 1.5 ? 1 : 0,
);

const adam = new Adam({ lr: 0.02 });
for (let step = 0; step < 100; step++) {
  const loss = crossEntropyWithLogitsLoss(net.forwardMut(points.trace()), inside);
  // Updates every parameter in place and releases the memory of the gradients.
  adam.update(net, backward(loss));
}

const logits = net.forward(points).array();
const right = logits.filter(([no, yes], i) => (yes > no ? 1 : 0) === inside[i]).length;
console.log(right / count > 0.97); // true
