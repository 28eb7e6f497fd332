import { fold, Sequential, type Shape, type Tensor } from 'batchnorm';
import { MobileNetV2 } from '../../../examples/models/mobilenet-v2.js';
import { ResNet18 } from '../../../examples/models/resnet-18.js';
import type { Model } from './models.js';

type Fields = Record<string, unknown>;

/** In place of a batch norm that was folded into the layer before it. */
const identity = {
  forward: (x: Tensor<Shape>) => x,
  forwardRelu: (x: Tensor<Shape>, residual?: Tensor<Shape>) =>
    (residual === undefined ? x : x.add(residual as never)).relu(),
};

/** Folds a batch norm in one field into the layer in another field. */
export function foldFields(fields: Fields, layer: string, norm: string): void {
  const pair = new Sequential(fields[layer] as never, fields[norm] as never);
  const { layers } = fold(pair as never) as { readonly layers: readonly unknown[] };
  fields[layer] = layers[0];
  fields[norm] = identity;
}

/** A copy of a network of the examples with the layers that somebody would write for inference. */
export function handFolded(model: Model): Model {
  if (model instanceof ResNet18) return foldedResNet(model.clone());
  if (model instanceof MobileNetV2) return foldedMobileNet(model.clone());
  return model;
}

function foldedResNet(model: ResNet18): Model {
  const fields = model as unknown as Fields;
  foldFields(fields, 'conv1', 'bn1');
  for (const stage of [model.layer1, model.layer2, model.layer3, model.layer4]) {
    for (const block of stage.layers as unknown as Fields[]) {
      foldFields(block, 'conv1', 'bn1');
      foldFields(block, 'conv2', 'bn2');
      if (block.downsample !== undefined) block.downsample = fold(block.downsample as never);
    }
  }
  return model;
}

function foldedMobileNet(model: MobileNetV2): Model {
  const layers = (model.features.layers as readonly unknown[]).map((layer) => {
    if (layer instanceof Sequential) return fold(layer as never);
    const block = layer as { conv: unknown };
    const { layers: inner } = block.conv as { readonly layers: readonly unknown[] };
    const parts = inner.map((part) => (part instanceof Sequential ? fold(part as never) : part));
    block.conv = fold(new Sequential(...(parts as never)) as never);
    return block;
  });
  (model as unknown as Fields).features = new Sequential(...(layers as never));
  return model;
}
