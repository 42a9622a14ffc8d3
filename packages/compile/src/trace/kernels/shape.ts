// Kernels that move, cut, join or repeat elements. Reshape and Transpose mostly cost nothing: layouts absorb them.
import { backend_util, slice_util } from "@tensorflow/tfjs";
import type {
  BatchToSpaceNDAttrs,
  FillAttrs,
  LinSpaceAttrs,
  MirrorPadAttrs,
  PadV2Attrs,
  RangeAttrs,
  SliceAttrs,
  SpaceToBatchNDAttrs,
  SplitVAttrs,
  StridedSliceAttrs,
} from "@tensorflow/tfjs";
import { inverse, permuteShape } from "../layout.js";
import { hostSym, splat } from "../symbol.js";
import type { Sym, TensorType } from "../symbol.js";
import { sizeOf } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import { castNumber } from "./arithmetic.js";
import { attribute, axesOf, input, inputList } from "./kernel.js";
import type { KernelTable, Lowering } from "./kernel.js";

/** Elements `begin`, `begin + step`, ... of some axes. */
export function slice(
  tracer: Tracer,
  x: Sym,
  cuts: readonly { axis: number; begin: number; size: number; step?: number }[],
): Sym {
  const shape = [...x.shape];
  for (const { axis, size } of cuts) shape[axis] = size;
  if (x.source.kind === "splat") return splat(shape, x.dtype, x.source.value);
  const { edge, perm } = tracer.placed(x);
  const where = inverse(perm);
  // Whatever part of a repeated axis is asked for, it is the one row that there is.
  const real = cuts.filter(
    ({ axis, begin, size, step = 1 }) =>
      !(edge.shape[where[axis]!] === 1 && size >= 1) && !(begin === 0 && size === x.shape[axis] && step === 1),
  );
  if (real.length === 0) return tracer.symbol(edge, shape, x.dtype, perm);
  const physical = [...edge.shape];
  for (const { axis, size } of real) physical[where[axis]!] = size;
  const ends = real.map(({ begin, size, step = 1 }) => {
    const end = begin + size * step;
    return end < 0 ? -(2 ** 31) : end; // A negative end would count from the back.
  });
  const { graph } = tracer;
  const result = tracer.emit(
    "Slice",
    [
      edge,
      graph.ints(real.map(({ begin }) => begin)),
      graph.ints(ends),
      graph.ints(real.map(({ axis }) => where[axis]!)),
      graph.ints(real.map(({ step = 1 }) => step)),
    ],
    physical,
  );
  return tracer.symbol(result, shape, x.dtype, perm);
}

/** Joins symbols along a logical axis, in the layout of the largest. */
export function concat(tracer: Tracer, parts: readonly Sym[], axis: number): Sym {
  const present = parts.filter((part) => sizeOf(part.shape) > 0);
  if (present.length === 1) return present[0]!;
  const shape = [...parts[0]!.shape];
  shape[axis] = parts.reduce((total, part) => total + part.shape[axis]!, 0);
  const model = present
    .filter((part) => part.source.kind === "edge")
    .toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape))[0];
  const { perm } = tracer.placed(model ?? present[0]!);
  const edges = present.map((part) => tracer.edge(part, perm));
  const edge = tracer.emit("Concat", edges, permuteShape(shape, perm), {
    attributes: { axis: BigInt(inverse(perm)[axis]!) },
  });
  return tracer.symbol(edge, shape, parts[0]!.dtype, perm);
}

export function pad(
  tracer: Tracer,
  x: Sym,
  paddings: readonly (readonly [before: number, after: number])[],
  value: number,
): Sym {
  if (paddings.every(([before, after]) => before === 0 && after === 0)) return x;
  const shape = x.shape.map((dimension, axis) => dimension + paddings[axis]![0] + paddings[axis]![1]);
  if (x.source.kind === "splat" && x.source.value === value) return splat(shape, x.dtype, value);
  const { perm } = tracer.placed(x);
  const edge = tracer.edge(x, perm);
  const amounts = [...perm.map((axis) => paddings[axis]![0]), ...perm.map((axis) => paddings[axis]![1])];
  // ORT pads no booleans.
  const padded = (from: typeof edge): typeof edge =>
    tracer.emit(
      "Pad",
      [from, tracer.graph.ints(amounts), tracer.graph.scalar(value, from.type)],
      permuteShape(shape, perm),
    );
  if (x.dtype !== "bool") return tracer.symbol(padded(edge), shape, x.dtype, perm);
  const bytes = tracer.emit("Cast", [edge], edge.shape, { type: "int32", attributes: { to: 6n } });
  const result = tracer.emit("Cast", [padded(bytes)], permuteShape(shape, perm), {
    type: "bool",
    attributes: { to: 9n },
  });
  return tracer.symbol(result, shape, x.dtype, perm);
}

/** Picks rows of one axis by a fixed table. */
export function take(tracer: Tracer, x: Sym, axis: number, rows: readonly number[]): Sym {
  const shape = x.shape.with(axis, rows.length);
  if (x.source.kind === "splat") return splat(shape, x.dtype, x.source.value);
  const { edge, perm } = tracer.placed(x);
  const physicalAxis = inverse(perm)[axis]!;
  if (edge.shape[physicalAxis] === 1) return tracer.symbol(edge, shape, x.dtype, perm);
  const result = tracer.emit("Gather", [edge, tracer.graph.ints(rows)], edge.shape.with(physicalAxis, rows.length), {
    attributes: { axis: BigInt(physicalAxis) },
  });
  return tracer.symbol(result, shape, x.dtype, perm);
}

const mirrorPad: Lowering = (tracer, inputs, attributes) => {
  const paddings = attribute<MirrorPadAttrs["paddings"]>(attributes, "paddings");
  const offset = attribute<MirrorPadAttrs["mode"]>(attributes, "mode") === "reflect" ? 0 : 1;
  return paddings.reduce(
    (x, [before, after], axis) => {
      if (before === 0 && after === 0) return x;
      const length = x.shape[axis]!;
      const rows = Array.from({ length: before + length + after }, (_, index) => {
        const row = index - before;
        if (row < 0) return -row - offset;
        return row < length ? row : 2 * length - 2 - row + offset;
      });
      return take(tracer, x, axis, rows);
    },
    input(inputs, "x"),
  );
};

const tile: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const reps = attribute<readonly number[]>(attributes, "reps");
  const shape = x.shape.map((dimension, axis) => dimension * reps[axis]!);
  if (x.source.kind === "splat") return splat(shape, x.dtype, x.source.value);
  const { edge, perm } = tracer.placed(x);
  const where = inverse(perm);
  const repeats = perm.map((axis) => (edge.shape[where[axis]!] === 1 ? 1 : reps[axis]!));
  if (repeats.every((count) => count === 1)) return tracer.symbol(edge, shape, x.dtype, perm);
  const physical = edge.shape.map((dimension, axis) => dimension * repeats[axis]!);
  return tracer.symbol(tracer.emit("Tile", [edge, tracer.graph.ints(repeats)], physical), shape, x.dtype, perm);
};

const sliceKernel: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const [begins, sizes] = slice_util.parseSliceParams(
    // tfjs reads only the shape here.
    { dataId: {}, shape: [...x.shape], dtype: x.dtype },
    attribute<SliceAttrs["begin"]>(attributes, "begin"),
    attribute<SliceAttrs["size"]>(attributes, "size"),
  ) as [number[], number[]];
  return slice(
    tracer,
    x,
    begins.map((begin, axis) => ({ axis, begin, size: sizes[axis]! })),
  );
};

const stridedSlice: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const mask = (name: string): number => attribute<number>(attributes, name);
  const info = slice_util.sliceInfo(
    [...x.shape],
    attribute<StridedSliceAttrs["begin"]>(attributes, "begin"),
    attribute<StridedSliceAttrs["end"]>(attributes, "end"),
    attribute<StridedSliceAttrs["strides"]>(attributes, "strides"),
    mask("beginMask"),
    mask("endMask"),
    mask("ellipsisMask"),
    mask("newAxisMask"),
    mask("shrinkAxisMask"),
  );
  const cut = slice(
    tracer,
    x,
    info.begin.map((begin, axis) => ({
      axis,
      begin,
      size: Math.max(0, Math.ceil((info.end[axis]! - begin) / info.strides[axis]!)),
      step: info.strides[axis]!,
    })),
  );
  return tracer.reshape(cut, info.finalShape);
};

const splitV: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const [axis] = axesOf(attribute<SplitVAttrs["axis"]>(attributes, "axis"), x.shape.length);
  const sizes = backend_util.prepareSplitSize(
    { shape: [...x.shape] } as Parameters<typeof backend_util.prepareSplitSize>[0],
    attribute<SplitVAttrs["numOrSizeSplits"]>(attributes, "numOrSizeSplits"),
    axis,
  );
  let begin = 0;
  return sizes.map((size) => {
    const part = slice(tracer, x, [{ axis: axis!, begin, size }]);
    begin += size;
    return part;
  });
};

const unpack: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "value");
  const [axis] = axesOf(attribute<number>(attributes, "axis"), x.shape.length);
  const shape = x.shape.filter((_, index) => index !== axis);
  return Array.from({ length: x.shape[axis!]! }, (_, begin) =>
    tracer.reshape(slice(tracer, x, [{ axis: axis!, begin, size: 1 }]), shape),
  );
};

const pack: Lowering = (tracer, inputs, attributes) => {
  const parts = inputList(inputs);
  const rank = parts[0]!.shape.length + 1;
  const [axis] = axesOf(attribute<number>(attributes, "axis"), rank);
  const shape = parts[0]!.shape.toSpliced(axis!, 0, 1);
  return concat(
    tracer,
    parts.map((part) => tracer.reshape(part, shape)),
    axis!,
  );
};

const concatKernel: Lowering = (tracer, inputs, attributes) => {
  const parts = inputList(inputs);
  const [axis] = axesOf(attribute<number>(attributes, "axis"), parts[0]!.shape.length);
  return concat(tracer, parts, axis!);
};

const reverse: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  return axesOf(attribute<number | number[]>(attributes, "dims"), x.shape.length).reduce((y, axis) => {
    const size = y.shape[axis]!;
    return slice(tracer, y, [{ axis, begin: size - 1, size, step: -1 }]);
  }, x);
};

const depthToSpace: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const block = attribute<number>(attributes, "blockSize");
  const last = attribute<string>(attributes, "dataFormat") === "NHWC";
  const [batch, a, b, c] = x.shape as [number, number, number, number];
  if (last) {
    const split = tracer.reshape(x, [batch, a, b, block, block, c / (block * block)]);
    const moved = tracer.transpose(split, [0, 1, 3, 2, 4, 5]);
    return tracer.reshape(moved, [batch, a * block, b * block, c / (block * block)]);
  }
  const split = tracer.reshape(x, [batch, block, block, a / (block * block), b, c]);
  const moved = tracer.transpose(split, [0, 3, 4, 1, 5, 2]);
  return tracer.reshape(moved, [batch, a / (block * block), b * block, c * block]);
};

const batchToSpace: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const block = attribute<BatchToSpaceNDAttrs["blockShape"]>(attributes, "blockShape");
  const crops = attribute<BatchToSpaceNDAttrs["crops"]>(attributes, "crops");
  const count = sizeOf(block);
  const spread = tracer.reshape(x, backend_util.getReshaped([...x.shape], block, count));
  const moved = tracer.transpose(spread, backend_util.getPermuted(spread.shape.length, block.length));
  const joined = tracer.reshape(moved, backend_util.getReshapedPermuted([...x.shape], block, count));
  return slice(
    tracer,
    joined,
    crops.map(([before, after], index) => ({
      axis: index + 1,
      begin: before!,
      size: joined.shape[index + 1]! - before! - after!,
    })),
  );
};

const spaceToBatch: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const block = attribute<SpaceToBatchNDAttrs["blockShape"]>(attributes, "blockShape");
  const paddings = attribute<SpaceToBatchNDAttrs["paddings"]>(attributes, "paddings");
  const all = x.shape.map((_, axis): [number, number] => {
    const amount = paddings[axis - 1];
    return amount === undefined || axis === 0 ? [0, 0] : [amount[0]!, amount[1]!];
  });
  const padded = pad(tracer, x, all, 0);
  const count = sizeOf(block);
  const spread = tracer.reshape(padded, backend_util.getReshaped([...padded.shape], block, count, false));
  const moved = tracer.transpose(spread, backend_util.getPermuted(spread.shape.length, block.length, false));
  return tracer.reshape(moved, backend_util.getReshapedPermuted([...padded.shape], block, count, false));
};

const range: Lowering = (_, __, attributes) => {
  const { start, stop, step, dtype } = attributes as unknown as RangeAttrs;
  const length = Math.max(0, Math.ceil(Math.abs((stop - start) / step)));
  const values = start !== stop && start < stop === step > 0 ? Array.from({ length }, (_, i) => start + i * step) : [];
  return hostSym([values.length], dtype, dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values));
};

const linSpace: Lowering = (_, __, attributes) => {
  const { start, stop, num } = attributes as unknown as LinSpaceAttrs;
  const step = (stop - start) / (num - 1);
  const values = Float32Array.from({ length: num }, (_, index) => (index === 0 ? start : start + index * step));
  return hostSym([num], "float32", values);
};

const fill: Lowering = (_, __, attributes) => {
  const { shape, value, dtype } = attributes as unknown as FillAttrs;
  if (typeof value === "string") throw new Error("tensors of strings cannot be compiled");
  const type = (dtype ?? "float32") as TensorType;
  return splat(shape, type, castNumber(value, type));
};

export const shapeKernels: KernelTable = {
  BatchToSpaceND: batchToSpace,
  BroadcastTo: (tracer, inputs, attributes) =>
    tracer.broadcast(input(inputs, "x"), attribute<readonly number[]>(attributes, "shape")),
  Concat: concatKernel,
  DepthToSpace: depthToSpace,
  ExpandDims: (tracer, inputs, attributes) => {
    const x = input(inputs, "input");
    const [axis] = axesOf(attribute<number>(attributes, "dim"), x.shape.length + 1);
    return tracer.reshape(x, x.shape.toSpliced(axis!, 0, 1));
  },
  Fill: fill,
  FlipLeftRight: (tracer, inputs) => {
    const x = input(inputs, "image");
    return slice(tracer, x, [{ axis: 2, begin: x.shape[2]! - 1, size: x.shape[2]!, step: -1 }]);
  },
  LinSpace: linSpace,
  MirrorPad: mirrorPad,
  Pack: pack,
  PadV2: (tracer, inputs, attributes) =>
    pad(
      tracer,
      input(inputs, "x"),
      attribute<PadV2Attrs["paddings"]>(attributes, "paddings"),
      attribute<PadV2Attrs["constantValue"]>(attributes, "constantValue"),
    ),
  Range: range,
  Reshape: (tracer, inputs, attributes) => {
    const x = input(inputs, "x");
    const shape = attribute<readonly number[]>(attributes, "shape");
    const known = sizeOf(shape.filter((dimension) => dimension !== -1));
    return tracer.reshape(
      x,
      shape.map((dimension) => (dimension === -1 ? sizeOf(x.shape) / known : dimension)),
    );
  },
  Reverse: reverse,
  Slice: sliceKernel,
  SpaceToBatchND: spaceToBatch,
  SplitV: splitV,
  StridedSlice: stridedSlice,
  Tile: tile,
  Transpose: (tracer, inputs, attributes) =>
    tracer.transpose(input(inputs, "x"), attribute<readonly number[]>(attributes, "perm")),
  Unpack: unpack,
};
