import { backward, crossEntropyWithLogitsLoss, Sgd, Tensor } from '../../dist/index.js';
import { classes, resnet8 } from './network.mjs';

/** A function that trains ResNet-8 for one step on fixed images. */
export function trainingStep(images) {
  const net = resnet8();
  const sgd = new Sgd({ lr: 0.01 });
  const x = Tensor.randn([images, 3, 32, 32]);
  const labels = Int32Array.from({ length: images }, (_, i) => i % classes);
  return () => {
    const logits = net.forwardMut(x.trace({ gradient: false }));
    sgd.update(net, backward(crossEntropyWithLogitsLoss(logits, labels)));
  };
}
