// Arithmetic on layouts. A permutation says how a tensor lies in memory: physical axis i holds logical axis `perm[i]`.
import { sizeOf } from "../graph/graph.js";

export type Permutation = readonly number[];

export function identity(rank: number): Permutation {
  return Array.from({ length: rank }, (_, axis) => axis);
}

export function isIdentity(perm: Permutation): boolean {
  return perm.every((axis, index) => axis === index);
}

/** The physical axis of each logical axis. */
export function inverse(perm: Permutation): Permutation {
  const result: number[] = Array.from({ length: perm.length }, () => 0);
  for (const [physical, logical] of perm.entries()) result[logical] = physical;
  return result;
}

/** `shape` in the order of `perm`. */
export function permuteShape(shape: readonly number[], perm: Permutation): number[] {
  return perm.map((axis) => shape[axis]!);
}

/** True when going from one order of axes to the other moves no element: only axes of length 1 change places. */
export function isFreeMove(from: Permutation, to: Permutation, shape: readonly number[]): boolean {
  const long = (perm: Permutation): number[] => perm.filter((axis) => shape[axis] !== 1);
  const target = long(to);
  return long(from).every((axis, index) => axis === target[index]);
}

/** Row-major values of `shape`, rewritten so that axis i of the result is axis `perm[i]`. */
export function permuteValues<T extends Float32Array | Int32Array | Uint8Array>(
  values: T,
  shape: readonly number[],
  perm: Permutation,
  allocate = (length: number): T => new (values.constructor as new (length: number) => T)(length),
): T {
  if (isFreeMove(identity(shape.length), perm, shape)) return values;
  const strides: number[] = [];
  for (let axis = shape.length - 1, stride = 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  const outShape = permuteShape(shape, perm);
  const outStrides = perm.map((axis) => strides[axis]!);
  const result = allocate(values.length);
  const last = outShape.length - 1;
  const innerLength = outShape[last]!;
  const innerStride = outStrides[last]!;
  const counter = Array.from({ length: last }, () => 0);
  let source = 0;
  for (let target = 0; target < result.length;) {
    for (let i = 0, from = source; i < innerLength; i++, from += innerStride) result[target++] = values[from]!;
    for (let axis = last - 1; axis >= 0; axis--) {
      source += outStrides[axis]!;
      counter[axis]!++;
      if (counter[axis]! < outShape[axis]!) break;
      source -= outStrides[axis]! * outShape[axis]!;
      counter[axis] = 0;
    }
  }
  return result;
}

/** Where a reshape can leave the elements where they are: the edge's new shape and its permutation. */
export interface ReshapedLayout {
  readonly physicalShape: readonly number[];
  readonly perm: Permutation;
}

/**
 * Layout after reshaping `shape` to `newShape`, or undefined when elements would have to move. `physical` is the shape
 * of the edge: a 1 where `shape` has more is a broadcast that has not happened yet, and stays one where it can.
 */
export function reshapeLayout(
  shape: readonly number[],
  physical: readonly number[],
  perm: Permutation,
  newShape: readonly number[],
): ReshapedLayout | undefined {
  if (sizeOf(shape) === 0) return undefined;
  const where = inverse(perm);
  const placed: { position: number; to: number[]; dims: number[] }[] = [];
  for (const { from, to } of reshapeGroups(shape, newShape)) {
    const long = from.filter((axis) => shape[axis] !== 1);
    if (long.length === 0) {
      // Axes of length 1 stay beside their neighbour, so that a plain layout stays plain.
      placed.push({ position: placed.at(-1)?.position ?? -1, to, dims: to.map(() => 1) });
      continue;
    }
    const positions = long.map((axis) => where[axis]!);
    const expanded = long.filter((axis) => physical[where[axis]!] === 1);
    if (expanded.length > 0 && expanded.length < long.length) return undefined;
    // The group's axes must follow each other in memory, apart from axes of length 1.
    for (let i = 1; i < positions.length; i++) {
      if (positions[i]! <= positions[i - 1]!) return undefined;
      for (let between = positions[i - 1]! + 1; between < positions[i]!; between++) {
        if (shape[perm[between]!] !== 1) return undefined;
      }
    }
    const dims = expanded.length > 0 ? to.map(() => 1) : to.map((axis) => newShape[axis]!);
    placed.push({ position: positions[0]!, to, dims });
  }
  placed.sort((a, b) => a.position - b.position);
  return { physicalShape: placed.flatMap((group) => group.dims), perm: placed.flatMap((group) => group.to) };
}

/** The smallest runs of axes with equal sizes on both sides. Axes of length 1 may form runs of their own. */
function reshapeGroups(shape: readonly number[], newShape: readonly number[]): { from: number[]; to: number[] }[] {
  const groups: { from: number[]; to: number[] }[] = [];
  let i = 0;
  let j = 0;
  while (i < shape.length || j < newShape.length) {
    const from: number[] = [];
    const to: number[] = [];
    if (i < shape.length && shape[i] === 1 && (j >= newShape.length || newShape[j] !== 1)) {
      groups.push({ from: [i++], to });
      continue;
    }
    if (j < newShape.length && newShape[j] === 1 && (i >= shape.length || shape[i] !== 1)) {
      groups.push({ from, to: [j++] });
      continue;
    }
    let left = shape[i]!;
    let right = newShape[j]!;
    from.push(i++);
    to.push(j++);
    while (left !== right) {
      if (left < right) {
        left *= shape[i]!;
        from.push(i++);
      } else {
        right *= newShape[j]!;
        to.push(j++);
      }
    }
    groups.push({ from, to });
  }
  return groups;
}
