import { compile } from "./compile.js";
import type { CompileOptions, CompiledFunction } from "./compile.js";
import type { TensorFunction } from "./trace/trace.js";

/** A way of running tensor functions: this one compiles them for ONNX Runtime. */
export interface OnnxExecutor {
  readonly name: "onnx";
  /** `weights`: in place of the executor's own choice for this function. */
  compile(
    fn: TensorFunction,
    options: { readonly name: string; readonly weights?: CompileOptions["weights"] },
  ): CompiledFunction;
}

/** An executor whose compiled functions all get the same options. */
export function onnxExecutor(options: Omit<CompileOptions, "name"> = {}): OnnxExecutor {
  return {
    name: "onnx",
    compile: (fn, { name, weights }) =>
      compile(fn, { ...options, name, ...(weights === undefined ? {} : { weights }) }),
  };
}
