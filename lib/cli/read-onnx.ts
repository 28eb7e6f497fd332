import { describeGraph } from '../onnx/describe-graph.js';
import { isIntegers, numbersOf } from '../onnx/values.js';
import { storageOf } from '../core/tensor.js';
import { StatisticsCollector } from './array-statistics.js';
import type { Contents } from './contents.js';

/** Reads the graph and the initializers of an ONNX file. */
export async function readOnnx(file: string): Promise<Contents> {
  const { graph, tensors } = await describeGraph(file);
  const readable = tensors.filter(({ problem }) => problem === undefined);
  const arrays = readable.map(({ name, type, shape, value }) => {
    const described = { name, type, shape, loadable: true };
    if (value === undefined) return described;
    const collector = new StatisticsCollector();
    collector.add(isIntegers(value) ? Float64Array.from(numbersOf(value)) : storageOf(value).values);
    return { ...described, statistics: collector.result() };
  });
  const unreadable = tensors.flatMap(({ name, problem }) =>
    problem === undefined ? [] : [{ name, message: problem }],
  );
  return { format: 'onnx', arrays, others: [], unreadable, graph };
}
