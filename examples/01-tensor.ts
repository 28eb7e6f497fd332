// Tensors: row-major float32 values with a shape that the compiler knows.
import { Tensor } from 'batchnorm';

const x = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]); // Tensor2D<2, 3>
console.log(x.shape); // [ 2, 3 ]
console.log(x.array()); // [ [ 1, 2, 3 ], [ 4, 5, 6 ] ]

// The right operand is a number, a scalar, a tensor of the same shape, or one row.
const row = Tensor.from([10, 20, 30], [3]);
console.log(x.add(row).array()); // [ [ 11, 22, 33 ], [ 14, 25, 36 ] ]
console.log(x.mul(2).sum().item()); // 42

// `from` copies; `adopt` takes the array itself.
const values = new Float32Array([1, 4, 9]);
const adopted = Tensor.adopt(values, [3]);
values[0] = 16;
console.log(adopted.sqrt().array()); // [ 4, 2, 3 ]

// Shapes that do not fit do not compile; in plain JavaScript they throw an error that explains why.
try {
  // @ts-expect-error: 4 values for rows of 3
  x.add(Tensor.zeros([4]));
} catch (error) {
  console.log((error as Error).name); // RangeError
}
