// ResNet-18 (He et al., Deep Residual Learning for Image Recognition, 2015) with the names of torchvision's resnet18, whose
// state dict therefore loads without a map: `await new ResNet18().loadSafetensors('resnet18.safetensors')`.
import {
  AvgPoolGlobal,
  BaseModule,
  BatchNorm2D,
  Conv2D,
  Linear,
  MaxPool2D,
  type OwnedTape,
  Sequential,
  type Tensor4D,
} from 'batchnorm';

type Images = Tensor4D<number, number, number, number>;
type TracedImages = Tensor4D<number, number, number, number, OwnedTape>;

const conv = (inputs: number, outputs: number, kernel: number, stride = 1) =>
  new Conv2D(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, bias: false });

/** Two convolutions, to whose result the input is added; the first may halve height and width. */
class BasicBlock extends BaseModule {
  readonly conv1;
  readonly bn1;
  readonly conv2;
  readonly bn2;
  readonly downsample;

  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.conv1 = conv(inputs, outputs, 3, stride);
    this.bn1 = new BatchNorm2D(outputs);
    this.conv2 = conv(outputs, outputs, 3);
    this.bn2 = new BatchNorm2D(outputs);
    const same = stride === 1 && inputs === outputs;
    this.downsample = same
      ? undefined
      : new Sequential(conv(inputs, outputs, 1, stride), new BatchNorm2D(outputs));
  }

  forward(x: Images): Images {
    const inner = this.conv2.forward(this.bn1.forwardRelu(this.conv1.forward(x)));
    return this.bn2.forwardRelu(inner, this.downsample?.forward(x) ?? x);
  }
  forwardMut(x: TracedImages): TracedImages {
    const inner = this.conv2.forward(this.bn1.forwardMutRelu(this.conv1.forward(x)));
    return this.bn2.forwardMutRelu(inner, this.downsample?.forwardMut(x) ?? x);
  }
}

const stage = (inputs: number, outputs: number, stride: number) =>
  new Sequential(new BasicBlock(inputs, outputs, stride), new BasicBlock(outputs, outputs, 1));

/** Takes [N, 3, H, W] and returns logits [N, classes]; H and W are 224 in torchvision, and at least 32. */
export class ResNet18 extends BaseModule {
  readonly conv1 = conv(3, 64, 7, 2);
  readonly bn1 = new BatchNorm2D(64);
  readonly maxpool = new MaxPool2D(3, { stride: 2, padding: 1 });
  readonly layer1 = stage(64, 64, 1);
  readonly layer2 = stage(64, 128, 2);
  readonly layer3 = stage(128, 256, 2);
  readonly layer4 = stage(256, 512, 2);
  readonly avgpool = new AvgPoolGlobal();
  readonly fc;

  constructor(classes = 1000) {
    super();
    this.fc = new Linear(512, classes);
  }

  forward(x: Tensor4D<number, 3, number, number>) {
    const stem = this.maxpool.forward(this.bn1.forwardRelu(this.conv1.forward(x)));
    const features = this.layer4.forward(this.layer3.forward(this.layer2.forward(this.layer1.forward(stem))));
    return this.fc.forward(this.avgpool.forward(features));
  }
  forwardMut(x: Tensor4D<number, 3, number, number, OwnedTape>) {
    const stem = this.maxpool.forward(this.bn1.forwardMutRelu(this.conv1.forward(x)));
    const middle = this.layer2.forwardMut(this.layer1.forwardMut(stem));
    const features = this.layer4.forwardMut(this.layer3.forwardMut(middle));
    return this.fc.forward(this.avgpool.forward(features));
  }
}
