import type { CompileOptions, CompiledFunction } from "./executable.js";
import type { Provider } from "./session/settings.js";
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

/** An executor that calls `compile` with the same options for every function. */
export function executorOf<Name extends Provider>(
  compile: (fn: TensorFunction, options: CompileOptions<Name>) => CompiledFunction,
  options: Omit<CompileOptions<Name>, "name">,
): OnnxExecutor {
  return {
    name: "onnx",
    compile: (fn, { name, weights }) =>
      compile(fn, { ...options, name, ...(weights === undefined ? {} : { weights }) }),
  };
}
