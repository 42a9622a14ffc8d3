// Kernels whose operands are all constants run at once, on tfjs's own cpu kernels.
import * as tf from "@tensorflow/tfjs";
import type { NamedAttrMap, TensorInfo } from "@tensorflow/tfjs";
import { elementwiseKernels } from "./kernels/elementwise.js";
import { constantValues, hostSym, isConstant, splat } from "./symbol.js";
import type { HostValues, Sym, TensorType } from "./symbol.js";
import { broadcastShape, sizeOf } from "./tracer.js";

/** Above this, a constant is cheaper to compute when the session is built. */
const LIMIT = 1 << 21;

/** These stay lazy: they say how a constant is repeated or cut, and need no arithmetic. */
const LAZY = new Set([
  "Identity",
  "Reshape",
  "Transpose",
  "ExpandDims",
  "Tile",
  "BroadcastTo",
  "ZerosLike",
  "OnesLike",
]);

/** The result of a kernel on constants, or undefined when it has to go into the graph. */
export function foldConstants(
  kernelName: string,
  inputs: Readonly<Record<string, Sym>>,
  attributes: NamedAttrMap,
): Sym | Sym[] | undefined {
  const operands = Object.values(inputs);
  if (operands.length === 0 || LAZY.has(kernelName) || !operands.every(isConstant)) return undefined;
  const kernel = tf.getKernel(kernelName, "cpu");
  const backend = tf.findBackend("cpu");
  if (kernel === undefined || backend === null) return undefined;
  const uniform = kernelName in elementwiseKernels && operands.every((sym) => sym.source.kind === "splat");
  if (!uniform && operands.reduce((total, sym) => total + sizeOf(sym.shape), 0) > LIMIT) return undefined;

  const infos: [string, TensorInfo][] = Object.entries(inputs).map(([name, sym]) => {
    // One number everywhere: computing it once is enough.
    const shape = uniform ? [] : [...sym.shape];
    const values = constantValues(uniform ? { ...sym, shape } : sym)!;
    return [name, { dataId: backend.write(values, shape, sym.dtype), shape, dtype: sym.dtype }];
  });
  const named = (Array.isArray(inputs) ? infos.map(([, info]) => info) : Object.fromEntries(infos)) as Record<
    string,
    TensorInfo
  >;
  const result = kernel.kernelFunc({ inputs: named, attrs: attributes, backend });
  const outputs = (Array.isArray(result) ? result : [result]).map((info): Sym => {
    const values = Array.from(backend.readSync(info.dataId) as HostValues);
    const dtype = info.dtype as TensorType;
    backend.disposeData(info.dataId);
    if (uniform) return splat(broadcastShape(operands.map((sym) => sym.shape)), dtype, values[0]!);
    return constantSym(info.shape, dtype, values);
  });
  for (const [, info] of infos) backend.disposeData(info.dataId);
  return Array.isArray(result) ? outputs : outputs[0]!;
}

/** A symbol for host values; one number everywhere is recognised as such. */
export function constantSym(shape: readonly number[], dtype: TensorType, values: ArrayLike<number>): Sym {
  const first = values[0];
  let index = 1;
  while (index < values.length && values[index] === first) index++;
  if (first !== undefined && index === values.length) return splat(shape, dtype, first);
  const typed =
    dtype === "float32"
      ? Float32Array.from(values)
      : dtype === "int32"
        ? Int32Array.from(values)
        : Uint8Array.from(values);
  return hostSym(shape, dtype, typed);
}
