// Fine-tuning: a ResNet-18 whose first layers are frozen learns to tell two textures apart. A path to torchvision's state dict
// starts from its weights: `node dist-dev/examples/models/fine-tune.js resnet18.safetensors`.
import {
  accuracy,
  Adam,
  backward,
  crossEntropyWithLogitsLoss,
  randomGenerator,
  recalibrate,
  ReLU,
  Sequential,
  Tensor,
} from 'batchnorm';
import { ResNet18 } from './resnet-18.js';

const rng = randomGenerator(3);
const [count, trained, size] = [96, 72, 32] as const;

// Stripes in one direction or the other, of random width and phase, with noise.
const classes = Array.from({ length: count }, (_, i) => i % 2);
const pixels = classes.flatMap((vertical) => {
  const [period, phase] = [4 + 4 * rng(), rng()];
  return Array.from({ length: 3 * size * size }, (_, i) => {
    const place = vertical === 1 ? i % size : Math.floor(i / size) % size;
    return Math.sin(2 * Math.PI * (place / period + phase)) + 0.2 * (rng() - 0.5);
  });
});
const images = Tensor.adopt(Float32Array.from(pixels), [count, 3, size, size]);

const net = new ResNet18(2);
net.resetParams(rng);
const rename = (name: string) => (name.startsWith('fc.') ? undefined : name); // it has other classes
if (process.argv[2]) await net.loadSafetensors(process.argv[2], { rename, strict: false });

// Frozen layers give the same features in every epoch, without a tape.
const { conv1, bn1, maxpool, layer1, layer2, layer3 } = net;
const frozen = new Sequential(conv1, bn1, new ReLU(), maxpool, layer1, layer2, layer3);
const features = frozen.forward(images);
const adam = new Adam({
  lr: 2e-3,
  groups: [
    { match: /^(conv1|bn1|layer[123])\./, freeze: true },
    { match: 'layer4.', lr: 2e-5 },
  ],
});
for (let epoch = 0; epoch < 4; epoch++) {
  for (let start = 0; start < trained; start += 24) {
    const x = features.slice({ axis: 0, start, end: start + 24 }).trace({ gradient: false });
    const logits = net.fc.forward(net.avgpool.forward(net.layer4.forwardMut(x)));
    const targets = classes.slice(start, start + 24);
    adam.update(net, backward(crossEntropyWithLogitsLoss(logits, targets, { labelSmoothing: 0.1 })));
  }
}

// So few steps leave the running statistics behind the weights.
await recalibrate(net.layer4, [features.slice({ axis: 0, start: 0, end: trained })]);
const logits = net.forward(images.slice({ axis: 0, start: trained }));
console.log(accuracy(logits, classes.slice(trained)) > 0.9); // true
