// How layers draw their first weights.
import type { Rng } from "../contracts.js";
import type { Parameter } from "../module.js";
import { sizeOf } from "../shape.js";

/** PyTorch's default for linear and convolution layers: uniform in +-1/sqrt(fanIn), for weight and bias. */
export function drawUniform(parameters: readonly (Parameter | null)[], fanIn: number, rng: Rng): void {
  const bound = 1 / Math.sqrt(fanIn);
  for (const parameter of parameters) {
    parameter?.assign(Float32Array.from({ length: sizeOf(parameter.shape) }, () => (2 * rng.uniform() - 1) * bound));
  }
}

/** Normal with standard deviation `std`. */
export function drawNormal(parameter: Parameter, std: number, rng: Rng): void {
  parameter.assign(rng.normals(sizeOf(parameter.shape)).map((value) => value * std));
}

/** Every element `value`. */
export function fillWith(parameter: Parameter, value: number): void {
  parameter.assign(new Float32Array(sizeOf(parameter.shape)).fill(value));
}
