import { BatchNorm2D, Tensor } from 'batchnorm';

new BatchNorm2D(3).forward(Tensor.zeros([4, 5, 2, 2]));
