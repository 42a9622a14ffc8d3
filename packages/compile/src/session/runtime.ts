// The part of ONNX Runtime's JavaScript API that is used. onnxruntime-node and onnxruntime-web both have it.
import type { TensorType } from "../trace/symbol.js";

export type HostArray = Float32Array | Int32Array | Uint8Array;

export interface OrtTensor {
  readonly dims: readonly number[];
  /** "cpu", or another word for a tensor that stays on the device. */
  readonly location: string;
  /** Values of a tensor on the CPU. */
  readonly data: unknown;
  dispose(): void;
}

export interface OrtSession {
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches: Readonly<Record<string, OrtTensor | null>>,
  ): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
  endProfiling(): void;
}

/** `import * as ort from "onnxruntime-node"`, or from "onnxruntime-web". */
export interface OrtModule {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<unknown>;
  };
  readonly Tensor: unknown;
  readonly env: { readonly wasm?: unknown };
  /** True when outputs named in `preferredOutputLocation` stay with the runtime, whatever the provider. */
  readonly keepsOutputs?: boolean;
  /** Only onnxruntime-node has it. */
  readonly listSupportedBackends?: () => readonly { readonly name: string; readonly bundled: boolean }[];
}

type TensorConstructor = new (type: TensorType, values: HostArray, shape: readonly number[]) => OrtTensor;

/** Wraps values without copying them. */
export function wrapValues(ort: OrtModule, dtype: TensorType, values: HostArray, shape: readonly number[]): OrtTensor {
  // The bindings refuse shared memory.
  const own = values.buffer instanceof ArrayBuffer ? values : values.slice();
  return new (ort.Tensor as TensorConstructor)(dtype, own, shape);
}
