import type { Group } from 'batchnorm/distributed';
import { bucketScenarios } from './bucket-scenarios.js';
import { fitScenarios } from './fit-scenarios.js';
import { pyTorchScenarios } from './pytorch-scenarios.js';
import { stepScenarios } from './step-scenarios.js';
import { normCases, runNormCase } from './norm-cases.js';

// The scenarios that the ranks of the training tests run under every transport. Each returns the report of its rank.

export const trainingScenarios: Readonly<Record<string, (group: Group) => unknown>> = {
  norms: (group) => Object.fromEntries(normCases.map((each) => [each.name, runNormCase(group, each)])),
  ...bucketScenarios,
  ...fitScenarios,
  ...stepScenarios,
  ...pyTorchScenarios,
};
