// Starting a video VAE from an image VAE: every 2D kernel becomes one tap, or all taps, of a 3D kernel.
import {
  CheckpointError,
  sameShape,
  type ShapeMismatch,
  sizeOf,
  type StateDict,
  storeFloats,
  type StoredTensor,
  toFloat32,
} from "@noisereel/core";
import { ldmWeights } from "./image-weights.js";
import type { CausalVae } from "./model.js";

/**
 * Which taps of a kernel `[.., kt, ..]` get the 2D kernel; causal padding makes the last tap the current frame.
 * "tail": the last, so that every frame is coded as the image VAE would. "center": the middle, a frame late in every
 * layer. "average": each a `kt`-th. At one frame all three equal the image VAE.
 */
export type InflationInit = "tail" | "center" | "average";

/**
 * Loads a 2D VAE's weights (LDM or diffusers `AutoencoderKL` names) into `vae`. Layers that only a video VAE has, the
 * learned temporal resamplers, stay as they are. Throws `CheckpointError` before anything is written when names or
 * shapes do not fit.
 */
export function inflate(image: StateDict, vae: CausalVae, options: { readonly init: InflationInit }): void {
  const source = ldmWeights(image);
  const inflated = new Map<string, StoredTensor>();
  const used = new Set<string>();
  const missing: string[] = [];
  const mismatched: ShapeMismatch[] = [];
  for (const [name, { storedShape }] of vae.namedParameters()) {
    const sourceName = [name, imageName(name)].find((candidate) => source.has(candidate));
    if (sourceName === undefined) {
      if (!isTemporal(name)) missing.push(name);
      continue;
    }
    used.add(sourceName);
    const tensor = source.get(sourceName)!;
    const flat = storedShape.length === 5 ? [...storedShape.slice(0, 2), ...storedShape.slice(3)] : storedShape;
    if (!sameShape(tensor.shape, flat)) mismatched.push({ name, expected: flat, found: tensor.shape });
    else inflated.set(name, storedShape.length === 5 ? inflateKernel(tensor, storedShape, options.init) : tensor);
  }
  const unexpected = [...source.keys()].filter((name) => !used.has(name));
  if (missing.length + unexpected.length + mismatched.length > 0) {
    const example = [
      ...missing.slice(0, 3).map((name) => `no weight for ${name}`),
      ...unexpected.slice(0, 3).map((name) => `${name} has no place`),
      ...mismatched.slice(0, 3).map((m) => `${m.name} needs [${m.expected.join(", ")}], got [${m.found.join(", ")}]`),
    ].join("; ");
    throw new CheckpointError(
      `the image VAE does not fit the model (${missing.length} missing, ${unexpected.length} unexpected, ${mismatched.length} of another shape): ${example}; configure both with the same widths`,
      { missing, unexpected, mismatched },
    );
  }
  vae.loadStateDict(inflated, { strict: false });
}

/** `conv1.conv.weight` is `conv1.weight` in an image VAE. */
function imageName(name: string): string {
  return name.replace(/\.conv\.(weight|bias)$/, ".$1");
}

function isTemporal(name: string): boolean {
  return /\.time_(down|up)sample\./.test(name);
}

/** `[out, in, kh, kw]` to `[out, in, kt, kh, kw]`. */
function inflateKernel(kernel: StoredTensor, shape: readonly number[], init: InflationInit): StoredTensor {
  const values = toFloat32(kernel);
  const taps = shape[2]!;
  const area = shape[3]! * shape[4]!;
  const chosen = { tail: taps - 1, center: Math.floor(taps / 2), average: -1 }[init];
  const result = new Float32Array(sizeOf(shape));
  for (let pair = 0; pair < values.length / area; pair++) {
    for (let tap = 0; tap < taps; tap++) {
      if (chosen >= 0 && tap !== chosen) continue;
      for (let i = 0; i < area; i++) {
        const value = values[pair * area + i]!;
        result[(pair * taps + tap) * area + i] = chosen < 0 ? value / taps : value;
      }
    }
  }
  return storeFloats(result, shape, "F32");
}
