// Compiles tfjs functions for ONNX Runtime in Node.
import { Executable } from "./executable.js";
import type { CompileOptions, CompiledFunction } from "./executable.js";
import { executorOf } from "./executor.js";
import type { OnnxExecutor } from "./executor.js";
import { openNodeDevice } from "./session/node.js";
import type { NodeProvider } from "./session/node.js";
import type { TensorFunction } from "./trace/trace.js";

/** Compiles `fn`. Nothing happens until the first run, which traces the function for the shapes it is given. */
export function compile(fn: TensorFunction, options: CompileOptions<NodeProvider> = {}): CompiledFunction {
  return new Executable(() => openNodeDevice(options), fn, options);
}

/** An executor whose compiled functions all get the same options. */
export function onnxExecutor(options: Omit<CompileOptions<NodeProvider>, "name"> = {}): OnnxExecutor {
  return executorOf(compile, options);
}
