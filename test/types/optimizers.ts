// Options of optimizers and of their groups.
import { Adam, type AdamGroup, type ParameterMatch, RMSprop, Sgd } from 'batchnorm';

const byRank: ParameterMatch = (name: string, { shape }) => name !== '' && shape.length === 2;
const groups: readonly AdamGroup[] = [
  { match: /\.(bias|scale)$/, weightDecay: 0 },
  { match: 'backbone.', lr: 1e-4, betas: [0.9, 0.99], epsilon: 1e-6, weightDecay: { decoupled: 0.1 } },
  { match: byRank, freeze: true },
];
new Adam({ lr: 1e-3, amsgrad: true, groups });
new Sgd({ groups: [{ match: '0.', momentum: { nesterov: 0.9 } }] });
new RMSprop({ groups: [{ match: '0.', alpha: 0.9, momentum: 0.5 }] });

// @ts-expect-error a group needs a pattern
new Sgd({ groups: [{ lr: 1 }] });
// @ts-expect-error a pattern is no list of names
new Sgd({ groups: [{ match: ['a', 'b'] }] });
// @ts-expect-error an option of Adam
new Sgd({ groups: [{ match: 'a', betas: [0.9, 0.99] }] });
// @ts-expect-error an option of the whole optimizer
new RMSprop({ groups: [{ match: 'a', centered: true }] });
