// ONNX Runtime sessions in Node.
import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";

export interface SessionOptions {
  /** Threads of one operation. Default: all cores. */
  readonly threads?: number | undefined;
  /** Whether idle threads spin for a moment instead of sleeping: faster alone, wasteful on a shared machine. */
  readonly spinning?: boolean | undefined;
  /** Writes a profile of every node beside this path's prefix. */
  readonly profile?: string | undefined;
}

/** A session on the CPU for the bytes of a model, or for a file. */
export function createSession(
  model: Uint8Array | string,
  options: SessionOptions & { readonly training: boolean },
): Promise<ort.InferenceSession> {
  const spinning = options.spinning ?? process.env["CI"] === undefined;
  const settings: ort.InferenceSession.SessionOptions = {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    interOpNumThreads: 1,
    intraOpNumThreads: options.threads ?? availableParallelism(),
    // The pattern of a training graph is one block as large as all activations together: twice the memory, no gain.
    enableMemPattern: !options.training,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: spinning ? "1" : "0" } } },
    ...(options.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profile }),
  };
  return typeof model === "string"
    ? ort.InferenceSession.create(model, settings)
    : ort.InferenceSession.create(model, settings);
}

export type OrtTensor = ort.Tensor;
export type OrtSession = ort.InferenceSession;

/** Wraps values without copying them. */
export function ortTensor(
  dtype: "float32" | "int32" | "bool",
  values: Float32Array | Int32Array | Uint8Array,
  shape: readonly number[],
): ort.Tensor {
  // The binding refuses shared memory.
  const own = values.buffer instanceof ArrayBuffer ? values : values.slice();
  return new ort.Tensor(dtype, own as Float32Array, shape);
}
