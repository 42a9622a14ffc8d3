// Compile tfjs functions, gradients included, to ONNX Runtime in browsers. Nothing here imports from Node.
import { Executable } from "./executable.js";
import type { CompileOptions, CompiledFunction } from "./executable.js";
import { executorOf } from "./executor.js";
import type { OnnxExecutor } from "./executor.js";
import { openWebDevice } from "./session/web.js";
import type { WebProvider } from "./session/web.js";
import type { TensorFunction } from "./trace/trace.js";

/** Compiles `fn`. Nothing happens until the first run, which traces the function for the shapes it is given. */
export function compile(fn: TensorFunction, options: CompileOptions<WebProvider> = {}): CompiledFunction {
  return new Executable(() => openWebDevice(options), fn, options);
}

/** An executor whose compiled functions all get the same options. */
export function onnxExecutor(options: Omit<CompileOptions<WebProvider>, "name"> = {}): OnnxExecutor {
  return executorOf(compile, options);
}

export { CompileError } from "./errors.js";
export type { CompileErrorDetails } from "./errors.js";
export type { CompileOptions, CompiledFunction } from "./executable.js";
export type { OnnxExecutor } from "./executor.js";
export type { ProgramStats } from "./session/program.js";
export type { OrtModule } from "./session/runtime.js";
export type { WebProvider } from "./session/web.js";
export type { TensorFunction } from "./trace/trace.js";
