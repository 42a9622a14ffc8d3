export * from "./contracts.js";
export {
  BackendError,
  CheckpointError,
  ClipError,
  ConfigError,
  NoisereelError,
  ShapeError,
  type ShapeMismatch,
} from "./errors.js";
export { initialize, type LoadOptions, Module, Parameter, type ParameterOptions } from "./module.js";
export { Linear } from "./nn/linear.js";
export { type AxisPadding, Conv2d, Conv3d } from "./nn/convolution.js";
export { GroupNorm, LayerNorm } from "./nn/normalization.js";
export { Embedding } from "./nn/embedding.js";
export { drawNormal, drawUniform, fillWith } from "./nn/initial.js";
export { geluTanh, silu } from "./ops/activation.js";
export { attention, type AttentionOptions } from "./ops/attention.js";
export { hasKernel, type KernelAttributes, type KernelResult, runKernel, withGradient } from "./ops/fused.js";
export { linear } from "./ops/linear.js";
export { groupNorm, layerNorm } from "./ops/normalization.js";
export { recompute, type RecomputeOptions } from "./ops/recompute.js";
export { upsampleNearest2d } from "./ops/upsample.js";
export { createRng } from "./rng.js";
export { bytesPerElement, storeFloats, storeIntegers, toFloat32 } from "./safetensors/dtype.js";
export { parseSafetensors, serializeSafetensors } from "./safetensors/format.js";
export { invertPermutation, permute, sameShape, sizeOf } from "./shape.js";
export { eagerExecutor } from "./eager.js";
export { backendNames, type BackendName, type BackendReport, inspectBackends, loadBackend } from "./backend/load.js";
export { doctor, type DoctorReport } from "./backend/doctor.js";
