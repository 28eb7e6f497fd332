import { backward, type NoneTape, type OwnedTape, Tensor, type Tensor0D, type Tensor2D } from 'batchnorm';
import { check, type Equal } from './equal.js';

const x = Tensor.zeros([2, 3]);
const traced = x.trace();
check<Equal<typeof traced, Tensor2D<2, 3, OwnedTape>>>();

const loss = traced.square().mean();
check<Equal<typeof loss, Tensor0D<OwnedTape>>>();
const gradients = backward(loss, { keep: [traced] });
backward(traced.sum(), { into: gradients });

// @ts-expect-error: not a scalar
backward(traced);
// @ts-expect-error: no tape
backward(x.mean());
// @ts-expect-error: not a tensor
backward(0);
// @ts-expect-error: already has a tape
traced.trace();
// @ts-expect-error: only tensors of a graph can be kept
backward(loss, { keep: [x] });

// A result has a tape as soon as one operand has.
const both = x.add(traced);
check<Equal<typeof both, Tensor2D<2, 3, OwnedTape>>>();
const left = traced.mul(x);
check<Equal<typeof left, Tensor2D<2, 3, OwnedTape>>>();
const none = x.sub(x);
check<Equal<typeof none, Tensor2D<2, 3, NoneTape>>>();
const number = traced.div(2);
check<Equal<typeof number, Tensor2D<2, 3, OwnedTape>>>();
const detached = traced.detach();
check<Equal<typeof detached, Tensor2D<2, 3>>>();
