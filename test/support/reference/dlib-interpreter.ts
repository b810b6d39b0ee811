import type { TfjsTensor } from '../../../src/recognition/conversion/tfjs-weights.ts';
import {
  averagePool,
  combine,
  convolution,
  map,
  maxPool,
  padTo,
  samePads,
  type Tensor,
  VALID_PADS,
} from './operators.ts';

const PLAIN_BLOCKS = { conv32: 3, conv64: 3, conv128: 2, conv256: 2 };

/** dlib's ResNet on the weights as they come: each convolution followed by its scale layer. Chip [1, 150, 150, 3] → 128 floats. */
export function interpretDlib(weights: ReadonlyMap<string, TfjsTensor>, chip: Tensor): Float32Array {
  const layer = (input: Tensor, name: string, stride: 1 | 2) => {
    const get = (part: string) => weights.get(`${name}/${part}`)!;
    const kernel = get('conv/filters');
    const [height, width] = kernel.shape as [number, number];
    const strides = [stride, stride] as const;
    const pads = stride === 2 ? VALID_PADS : samePads(input.shape, [height, width], strides);
    const convolved = convolution(input, kernel, get('conv/bias').data, { pads, strides });
    const scaled = combine(convolved, get('scale/weights'), (value, scale) => value * scale);
    return combine(scaled, get('scale/biases'), (value, bias) => value + bias);
  };
  const residual = (input: Tensor, name: string, stride: 1 | 2) => {
    const outer = layer(relu(layer(input, `${name}/conv1`, stride)), `${name}/conv2`, 1);
    const shortcut = stride === 2 ? averagePool(input, [2, 2], { pads: VALID_PADS, strides: [2, 2] }) : input;
    const shape = outer.shape.map((size, axis) => Math.max(size, shortcut.shape[axis]!));
    return relu(combine(padTo(outer, shape), padTo(shortcut, shape), (a, b) => a + b));
  };

  const stem = relu(layer(chip, 'conv32_down', 2));
  let features = maxPool(stem, [3, 3], { pads: VALID_PADS, strides: [2, 2] });
  for (const [stage, count] of Object.entries(PLAIN_BLOCKS)) {
    if (stage !== 'conv32') features = residual(features, `${stage}_down`, 2);
    for (let block = 1; block <= count; block++) features = residual(features, `${stage}_${block}`, 1);
  }
  return classify(residual(features, 'conv256_down_out', 2), weights.get('fc')!);
}

function relu(input: Tensor): Tensor {
  return map(input, (value) => Math.max(0, value));
}

/** The mean of each channel, times fc [channels, outputs]. */
function classify({ data, shape }: Tensor, fc: TfjsTensor): Float32Array {
  const [channels, outputs] = fc.shape as [number, number];
  const cells = shape[1]! * shape[2]!;
  return Float32Array.from({ length: outputs }, (_, output) => {
    let sum = 0;
    for (let at = 0; at < data.length; at++)
      sum += (data[at]! / cells) * fc.data[(at % channels) * outputs + output]!;
    return sum;
  });
}
