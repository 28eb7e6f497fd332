import { Linear, Sequential, type Tape, type Tensor2D } from 'batchnorm';

export function infer<T extends Tape>(x: Tensor2D<8, 4, T>) {
  return new Sequential(new Linear(4, 3)).forward(x);
}
