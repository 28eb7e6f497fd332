// MobileNetV2 (Sandler et al., 2018) with the names of torchvision's mobilenet_v2, whose state dict therefore loads without a
// map: `await new MobileNetV2().loadSafetensors('mobilenet_v2.safetensors')`.
import {
  AvgPoolGlobal,
  BaseModule,
  BatchNorm2D,
  Conv2D,
  Dropout,
  Linear,
  type OwnedTape,
  Sequential,
  type Tensor4D,
} from 'batchnorm';

type Images = Tensor4D<number, number, number, number>;
type TracedImages = Tensor4D<number, number, number, number, OwnedTape>;

class ReLU6 extends BaseModule {
  forward(x: Images): Images {
    return x.clamp({ min: 0, max: 6 });
  }
  forwardMut(x: TracedImages): TracedImages {
    return x.clamp({ min: 0, max: 6 });
  }
}

const conv = (inputs: number, outputs: number, kernel: number, stride = 1, groups = 1) =>
  new Conv2D(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, groups, bias: false });

const convNormRelu = (inputs: number, outputs: number, kernel: number, stride = 1, groups = 1) =>
  new Sequential(conv(inputs, outputs, kernel, stride, groups), new BatchNorm2D(outputs), new ReLU6());

/** A depthwise convolution of `expansion` times as many channels, between two of 1 x 1. */
class InvertedResidual extends BaseModule {
  readonly conv;
  private readonly adds: boolean;

  constructor(inputs: number, outputs: number, stride: number, expansion: number) {
    super();
    const hidden = inputs * expansion;
    this.conv = new Sequential(
      ...(expansion === 1 ? [] : [convNormRelu(inputs, hidden, 1)]),
      convNormRelu(hidden, hidden, 3, stride, hidden),
      conv(hidden, outputs, 1),
      new BatchNorm2D(outputs),
    );
    this.adds = stride === 1 && inputs === outputs;
  }

  forward(x: Images): Images {
    const y = this.conv.forward(x);
    return this.adds ? y.add(x) : y;
  }
  forwardMut(x: TracedImages): TracedImages {
    const y = this.conv.forwardMut(x);
    return this.adds ? y.add(x) : y;
  }
}

/** Expansion, channels, blocks and the stride of the first block of each stage. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

function blocks(): InvertedResidual[] {
  let inputs = 32;
  return stages.flatMap(([expansion, outputs, count, stride]) =>
    Array.from({ length: count }, (_, i) => {
      const block = new InvertedResidual(inputs, outputs, i === 0 ? stride : 1, expansion);
      inputs = outputs;
      return block;
    }),
  );
}

/** Takes [N, 3, H, W] and returns logits [N, classes]; H and W are 224 in torchvision, and at least 32. */
export class MobileNetV2 extends BaseModule {
  readonly features = new Sequential(convNormRelu(3, 32, 3, 2), ...blocks(), convNormRelu(320, 1280, 1));
  readonly avgpool = new AvgPoolGlobal();
  readonly classifier;

  constructor(classes = 1000) {
    super();
    this.classifier = new Sequential(new Dropout(0.2), new Linear(1280, classes));
  }

  forward(x: Tensor4D<number, 3, number, number>) {
    return this.classifier.forward(this.avgpool.forward(this.features.forward(x)));
  }
  forwardMut(x: Tensor4D<number, 3, number, number, OwnedTape>) {
    return this.classifier.forwardMut(this.avgpool.forward(this.features.forwardMut(x)));
  }
}
