import { BatchNorm2D, Tensor } from 'batchnorm';

new BatchNorm2D(3).forwardMut(Tensor.zeros([4, 3, 2, 2]));
