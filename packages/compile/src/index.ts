// Compile tfjs functions, gradients included, to ONNX Runtime.
export { compile } from "./compile.js";
export type { CompileOptions, CompiledFunction } from "./compile.js";
export { CompileError } from "./errors.js";
export type { CompileErrorDetails } from "./errors.js";
export { onnxExecutor } from "./executor.js";
export type { OnnxExecutor } from "./executor.js";
export { exportOnnx } from "./export.js";
export type { ExportOptions } from "./export.js";
export type { ProgramStats } from "./session/program.js";
export type { TensorFunction } from "./trace/trace.js";
