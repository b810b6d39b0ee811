import type { TfliteGraph, TfliteOperator, TfliteTensor } from './tflite-reader.ts';

/**
 * Finds parametric ReLUs, which TFLite spells out as `relu(x) + c · negativePart(x)`, and puts one PRELU (inputs x and
 * the slope per channel) in the place of each chain. Operators that nothing uses any more are left out.
 */
export function fusePrelu(graph: TfliteGraph): TfliteGraph {
  const tensors = [...graph.tensors];
  const maker = new Map(
    graph.operators.flatMap((operator) => operator.outputs.map((output) => [output, operator])),
  );
  const operators = graph.operators.map((operator): TfliteOperator => {
    const found = operator.kind === 'ADD' ? preluIn(operator, maker, tensors) : undefined;
    if (found === undefined) return operator;
    const slopes = tensors.push(found.slopes) - 1;
    return { kind: 'PRELU', inputs: [found.source, slopes], outputs: operator.outputs, options: {} };
  });
  return { ...graph, tensors, operators: usedBy(graph.outputs, operators) };
}

type Makers = ReadonlyMap<number, TfliteOperator>;

function preluIn(
  add: TfliteOperator,
  makers: Makers,
  tensors: readonly TfliteTensor[],
): { source: number; slopes: TfliteTensor } | undefined {
  const [positive, scaled] = add.inputs.map((input) => makers.get(input));
  if (positive?.kind !== 'RELU' || scaled?.kind !== 'MUL') return undefined;
  const constant = tensors[scaled.inputs[0]!]!;
  const negative = negativePart(scaled.inputs[1]!, makers);
  if (!(constant.data instanceof Float32Array) || negative === undefined) return undefined;
  if (negative.source !== positive.inputs[0]) return undefined;
  const data = constant.data.map((value) => value * negative.factor);
  return { source: negative.source, slopes: { ...constant, data } };
}

/** The tensor x and the factor f for which this tensor is f · min(x, 0). */
function negativePart(tensor: number, makers: Makers): { source: number; factor: number } | undefined {
  const maker = makers.get(tensor);
  const below = maker && makers.get(maker.inputs.at(-1)!);
  // x - |x|
  if (maker?.kind === 'SUB' && below?.kind === 'ABS' && maker.inputs[0] === below.inputs[0]) {
    return { source: maker.inputs[0]!, factor: 2 };
  }
  // -relu(-x)
  const lowest = below && makers.get(below.inputs[0]!);
  if (maker?.kind === 'NEG' && below?.kind === 'RELU' && lowest?.kind === 'NEG') {
    return { source: lowest.inputs[0]!, factor: 1 };
  }
  return undefined;
}

function usedBy(outputs: readonly number[], operators: readonly TfliteOperator[]): TfliteOperator[] {
  const needed = new Set(outputs);
  return operators
    .toReversed()
    .filter((operator) => {
      const isNeeded = operator.outputs.some((output) => needed.has(output));
      if (isNeeded) for (const input of operator.inputs) needed.add(input);
      return isNeeded;
    })
    .reverse();
}
