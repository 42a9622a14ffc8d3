// Arithmetic on shapes and host-side permutation.

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

export function invertPermutation(axes: readonly number[]): number[] {
  const inverse = Array.from<number>({ length: axes.length });
  axes.forEach((axis, position) => (inverse[axis] = position));
  return inverse;
}

/** Row-major `values` of `shape`, transposed: axis `i` of the result is axis `axes[i]` of the input. */
export function permute(values: Float32Array, shape: readonly number[], axes: readonly number[]): Float32Array {
  const strides = Array.from<number>({ length: shape.length });
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  const outShape = axes.map((axis) => shape[axis]!);
  const outStrides = axes.map((axis) => strides[axis]!);
  const result = new Float32Array(values.length);
  const index = axes.map(() => 0);
  let source = 0;
  for (let target = 0; target < result.length; target++) {
    result[target] = values[source]!;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      source += outStrides[axis]!;
      if (++index[axis]! < outShape[axis]!) break;
      source -= outStrides[axis]! * outShape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
