/** The operations of a plan without the copies that fill unused memory with NaN under BATCHNORM_POISON=1. */
export function operationsOf(plan: { readonly operations: readonly string[] }): readonly string[] {
  if (process.env.BATCHNORM_POISON !== '1') return plan.operations;
  return plan.operations.filter((operation) => operation !== 'copy');
}
