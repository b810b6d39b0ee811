/** [n, h, w, c] → [n, c, h, w], for shapes and anything else that goes by axis. */
export function channelsFirst<T>([n, h, w, c]: readonly T[]): [T, T, T, T] {
  return [n!, c!, h!, w!];
}

/**
 * A convolution kernel as ONNX wants it.
 *
 * `full`: [outputs, kh, kw, inputs] → [outputs, inputs, kh, kw]. `depthwise`: [1, kh, kw, channels] → [channels, 1, kh, kw].
 * `tfjs`: [kh, kw, inputs, outputs] → [outputs, inputs, kh, kw].
 */
export function channelsFirstKernel(
  data: Float32Array,
  shape: readonly number[],
  layout: 'full' | 'depthwise' | 'tfjs',
): { data: Float32Array; shape: [number, number, number, number] } {
  const order = { full: [0, 3, 1, 2], depthwise: [3, 0, 1, 2], tfjs: [3, 2, 0, 1] }[layout];
  return permute(data, shape, order);
}

function permute(
  from: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): { data: Float32Array; shape: [number, number, number, number] } {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const [a, b, c, d] = order.map((axis) => shape[axis]!) as [number, number, number, number];
  const [sa, sb, sc, sd] = order.map((axis) => strides[axis]!) as [number, number, number, number];
  const data = new Float32Array(from.length);
  let at = 0;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) {
        const start = i * sa + j * sb + k * sc;
        for (let l = 0; l < d; l++) data[at++] = from[start + l * sd]!;
      }
    }
  }
  return { data, shape: [a, b, c, d] };
}
