import { MaxPool2D, Tensor } from 'batchnorm';

new MaxPool2D(5).forward(Tensor.zeros([8, 3, 4, 4]));
