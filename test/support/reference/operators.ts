/**
 * Neural network operators as their definitions say, on feature maps in NHWC with a batch of one: loops without any
 * trick, sums in double precision. What ONNX Runtime computes from a converted model is held against them.
 */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Window {
  /** Zeros before and after each axis: [top, bottom, left, right]. */
  readonly pads: readonly [number, number, number, number];
  readonly strides: readonly [number, number];
}

export const VALID_PADS = [0, 0, 0, 0] as const;

/** TensorFlow's SAME: the output has size / stride cells, rounded up; an odd zero goes to the bottom and right. */
export function samePads(
  [, height, width]: readonly number[],
  kernel: readonly [number, number],
  strides: readonly [number, number],
): [number, number, number, number] {
  const [top, bottom] = samePad(height!, kernel[0], strides[0]);
  const [left, right] = samePad(width!, kernel[1], strides[1]);
  return [top, bottom, left, right];
}

function samePad(size: number, kernel: number, stride: number): [number, number] {
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** Kernel [kh, kw, inputs, outputs]. */
export function convolution(input: Tensor, kernel: Tensor, bias: Float32Array, window: Window): Tensor {
  const [kernelHeight, kernelWidth, inputs, outputs] = kernel.shape as [number, number, number, number];
  const sums = new Float64Array(outputs);
  return slide(input, [kernelHeight, kernelWidth], outputs, window, (cells, result) => {
    sums.set(bias);
    for (const { inputAt, kernelCell } of cells) {
      for (let i = 0; i < inputs; i++) {
        const value = input.data[inputAt + i]!;
        const weightAt = (kernelCell * inputs + i) * outputs;
        for (let o = 0; o < outputs; o++) sums[o]! += value * kernel.data[weightAt + o]!;
      }
    }
    result.set(sums);
  });
}

/** Kernel [1, kh, kw, channels]. */
export function depthwiseConvolution(
  input: Tensor,
  kernel: Tensor,
  bias: Float32Array,
  window: Window,
): Tensor {
  const [, kernelHeight, kernelWidth, channels] = kernel.shape as [number, number, number, number];
  const sums = new Float64Array(channels);
  return slide(input, [kernelHeight, kernelWidth], channels, window, (cells, result) => {
    sums.set(bias);
    for (const { inputAt, kernelCell } of cells) {
      const weightAt = kernelCell * channels;
      for (let c = 0; c < channels; c++) sums[c]! += input.data[inputAt + c]! * kernel.data[weightAt + c]!;
    }
    result.set(sums);
  });
}

export function maxPool(input: Tensor, kernel: readonly [number, number], window: Window): Tensor {
  return slide(input, kernel, input.shape[3]!, window, (cells, result) => {
    result.fill(Number.NEGATIVE_INFINITY);
    for (const { inputAt } of cells) {
      for (let c = 0; c < result.length; c++) result[c] = Math.max(result[c]!, input.data[inputAt + c]!);
    }
  });
}

/** Over windows that lie inside. */
export function averagePool(input: Tensor, kernel: readonly [number, number], window: Window): Tensor {
  return slide(input, kernel, input.shape[3]!, window, (cells, result) => {
    for (const { inputAt } of cells) {
      for (let c = 0; c < result.length; c++) result[c]! += input.data[inputAt + c]! / cells.length;
    }
  });
}

/** A place in the window that lies inside the map: where its channels start, and which place of the kernel it is. */
interface Cell {
  readonly inputAt: number;
  readonly kernelCell: number;
}

function slide(
  input: Tensor,
  [kernelHeight, kernelWidth]: readonly [number, number],
  outputs: number,
  { pads, strides }: Window,
  compute: (cells: readonly Cell[], result: Float32Array) => void,
): Tensor {
  const [, height, width, channels] = input.shape as [number, number, number, number];
  const outHeight = Math.floor((height + pads[0] + pads[1] - kernelHeight) / strides[0]) + 1;
  const outWidth = Math.floor((width + pads[2] + pads[3] - kernelWidth) / strides[1]) + 1;
  const data = new Float32Array(outHeight * outWidth * outputs);
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const cells: Cell[] = [];
      for (let kernelCell = 0; kernelCell < kernelHeight * kernelWidth; kernelCell++) {
        const inY = y * strides[0] - pads[0] + Math.floor(kernelCell / kernelWidth);
        const inX = x * strides[1] - pads[2] + (kernelCell % kernelWidth);
        const isInside = inY >= 0 && inY < height && inX >= 0 && inX < width;
        if (isInside) cells.push({ inputAt: (inY * width + inX) * channels, kernelCell });
      }
      const at = (y * outWidth + x) * outputs;
      compute(cells, data.subarray(at, at + outputs));
    }
  }
  return { shape: [1, outHeight, outWidth, outputs], data };
}

/** Weights [outputs, inputs]. */
export function fullyConnected(input: Tensor, weights: Tensor, bias: Float32Array): Tensor {
  const [outputs, inputs] = weights.shape as [number, number];
  const data = Float32Array.from({ length: outputs }, (_, o) => {
    let sum = bias[o]!;
    for (let i = 0; i < inputs; i++) sum += input.data[i]! * weights.data[o * inputs + i]!;
    return sum;
  });
  return { shape: [1, outputs], data };
}

/** Bilinear, pixel centres at .5, the border's value outside. */
export function resizeHalfPixel(input: Tensor, height: number, width: number): Tensor {
  const [, fromHeight, fromWidth, channels] = input.shape as [number, number, number, number];
  const data = new Float32Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    const rows = neighbours(((y + 0.5) * fromHeight) / height - 0.5, fromHeight);
    for (let x = 0; x < width; x++) {
      const columns = neighbours(((x + 0.5) * fromWidth) / width - 0.5, fromWidth);
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (const [row, rowShare] of rows) {
          for (const [column, columnShare] of columns) {
            sum += rowShare * columnShare * input.data[(row * fromWidth + column) * channels + c]!;
          }
        }
        data[(y * width + x) * channels + c] = sum;
      }
    }
  }
  return { shape: [1, height, width, channels], data };
}

/** The two cells beside a position and their shares. */
function neighbours(position: number, size: number): [[number, number], [number, number]] {
  const below = Math.floor(position);
  const share = position - below;
  const clamp = (cell: number) => Math.min(size - 1, Math.max(0, cell));
  return [
    [clamp(below), 1 - share],
    [clamp(below + 1), share],
  ];
}

/** Zeros to the bottom, right and as further channels, up to this shape. */
export function padTo(input: Tensor, shape: readonly number[]): Tensor {
  const [, height, width, channels] = input.shape as [number, number, number, number];
  const [, , toWidth, toChannels] = shape as [number, number, number, number];
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      data.set(input.data.subarray(from, from + channels), (y * toWidth + x) * toChannels);
    }
  }
  return { shape, data };
}

/** Along the second axis of [1, rows, …]. */
export function concatenateRows(inputs: readonly Tensor[]): Tensor {
  const [first] = inputs;
  const rows = inputs.reduce((sum, input) => sum + input.shape[1]!, 0);
  const data = new Float32Array(inputs.reduce((sum, input) => sum + input.data.length, 0));
  let at = 0;
  for (const input of inputs) {
    data.set(input.data, at);
    at += input.data.length;
  }
  return { shape: [1, rows, ...first!.shape.slice(2)], data };
}

export function map(input: Tensor, compute: (value: number) => number): Tensor {
  return { shape: input.shape, data: input.data.map(compute) };
}

/** Of equal shapes, or with one operand repeated over the leading axes of the other. */
export function combine(a: Tensor, b: Tensor, compute: (a: number, b: number) => number): Tensor {
  const larger = a.data.length >= b.data.length ? a : b;
  const data = larger.data.map((_, index) =>
    compute(a.data[index % a.data.length]!, b.data[index % b.data.length]!),
  );
  return { shape: larger.shape, data };
}
