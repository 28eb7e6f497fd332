// Norms of single samples.
const tests = ['unit/nn/sample-norms'];

export default [
  {
    file: 'native/ops/group_norm.cc',
    what: 'layer norm forgets the low part of the mean',
    find: 'shift[i] = -call_.mean_low[row + i] * call_.inv_std[row + i];',
    replace: 'shift[i] = 0;',
    tests,
  },
  {
    file: 'native/ops/group_norm.cc',
    what: 'every group takes the scale of the first one',
    find: 'const size_t parameter = index.parameter;',
    replace: 'const size_t parameter = index.parameter % shape_.channels;',
    tests,
  },
  {
    file: 'native/ops/group_norm_elements.cc',
    what: 'the gradient of the scale leaves out all rows after the first part',
    find: 'scales += dscale(part)[column];',
    replace: 'if (part == 0) scales += dscale(part)[column];',
    tests,
  },
  {
    file: 'native/ops/group_norm_gradient.h',
    what: 'the mean of the gradient is not subtracted',
    find: 'const double mean = call.centered ? sum / count : 0;',
    replace: 'const double mean = 0;',
    tests,
  },
  {
    file: 'native/kernels/scaled_gradient.inl.h',
    what: 'every row of a layer norm but the first reads the scale beyond its end',
    find: 'Channel of(size_t row) const { return {dy, scale, row * stride}; }',
    replace: 'Channel of(size_t) const { return {dy, scale, 0}; }',
    tests,
  },
  {
    file: 'lib/backend/portable/group-norm.ts',
    what: 'the mean of the gradient is not subtracted',
    find: 'dy[i] * factor - gradientMean -',
    replace: 'dy[i] * factor -',
    tests,
  },
  {
    file: 'lib/ops/group-norm.ts',
    what: 'a scale that changed before the backward pass is not noticed',
    find: '[input, scales, ...statistics]',
    replace: '[input, ...statistics]',
    tests,
  },
  {
    file: 'lib/nn/norm/group-norm.ts',
    what: 'groups that do not divide the channels are accepted',
    find: "    if (channels % groups !== 0) {\n      throw wrongValue('groups',",
    replace: "    if (channels < groups) {\n      throw wrongValue('groups',",
    tests,
  },
  {
    file: 'lib/nn/norm/instance-norm.ts',
    what: 'InstanceNorm has parameters unless told otherwise',
    find: 'super(layer, [channels], false, options);',
    replace: 'super(layer, [channels], true, options);',
    tests,
  },
  {
    file: 'lib/nn/norm/layer-norm.ts',
    what: "LayerNorm's files have other names than dfdx's",
    find: "return key === 'scale' ? 'gamma' : key === 'bias' ? 'beta' : key;",
    replace: 'return key;',
    tests,
  },
  {
    file: 'lib/nn/norm/normalized-shape.ts',
    what: 'only the last of several normalized axes is checked',
    find: 'shape[outer + axis] !== size',
    replace: 'axis === normalizedShape.length - 1 && shape[outer + axis] !== size',
    tests,
  },
  {
    file: 'lib/ops/batch-norm.ts',
    what: 'a layer without scale and bias gives their gradients to other inputs',
    find: '      if (learned.length === 0) {',
    replace: '      if (learned.length > 2) {',
    tests: ['unit/nn/batch-norm-affine'],
  },
  {
    file: 'lib/nn/norm/channel-norm.ts',
    what: 'a batch norm without scale and bias multiplies by zero',
    find: "const scale = labelled(layer, 'scale', Tensor.ones([channels]));",
    replace:
      "const scale = labelled(layer, 'scale', isAffine ? Tensor.ones([channels]) : Tensor.zeros([channels]));",
    tests: ['unit/nn/batch-norm-affine'],
  },
  {
    file: 'lib/nn/norm/frozen-batch-norm.ts',
    what: 'the frozen copy of a layer without scale and bias has both',
    find: 'affine: (other.scale !== undefined) as A',
    replace: 'affine: true as A',
    tests: ['unit/nn/batch-norm-affine'],
  },
];
