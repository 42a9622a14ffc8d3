// Compile tfjs functions, gradients included, to ONNX Runtime.
export { compile, onnxExecutor } from "./compile.js";
export { CompileError } from "./errors.js";
export type { CompileErrorDetails } from "./errors.js";
export type { CompileOptions, CompiledFunction } from "./executable.js";
export type { OnnxExecutor } from "./executor.js";
export { exportOnnx } from "./export.js";
export type { ExportOptions } from "./export.js";
export type { NodeProvider } from "./session/node.js";
export type { ProgramStats } from "./session/program.js";
export type { OrtModule } from "./session/runtime.js";
export { workerRuntime } from "./session/worker-runtime.js";
export type { WorkerRuntimeOptions } from "./session/worker-runtime.js";
export type { TensorFunction } from "./trace/trace.js";
