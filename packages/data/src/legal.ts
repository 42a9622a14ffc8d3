// Which numbers of frames and which sizes a model accepts, and what to say about the others.
import { ShapeError, type Stride } from "@noisereel/core";

export interface LegalShapeOptions {
  /** Pixels per latent, for example `{ time: 4, height: 8, width: 8 }`. */
  readonly stride: Stride;
  /** Latents per patch of the denoiser. Default 1, for an autoencoder alone. */
  readonly patch?: number | undefined;
}

/** The legal numbers of frames at and around `frames`, in order: `time * k + 1`. One value when `frames` itself is legal. */
export function nearestLegalFrames(frames: number, options: { readonly time: number }): number[] {
  const { time } = options;
  const below = Math.max(1, Math.floor((frames - 1) / time) * time + 1);
  return below === frames ? [below] : frames < 1 ? [1] : [below, below + time];
}

/** The legal sizes at and around `size`, in order: multiples of `multiple`. One value when `size` itself is legal. */
export function nearestLegalSizes(size: number, options: { readonly multiple: number }): number[] {
  const { multiple } = options;
  const below = Math.floor(size / multiple) * multiple;
  if (below === size && size > 0) return [size];
  return below < multiple ? [multiple] : [below, below + multiple];
}

/** Throws a `ShapeError` that names the nearest legal values unless a video of this shape can be encoded and denoised. */
export function checkVideoShape(
  shape: { readonly frames: number; readonly height: number; readonly width: number },
  options: LegalShapeOptions,
): void {
  const { stride, patch = 1 } = options;
  const problems: string[] = [];
  const legalFrames = nearestLegalFrames(shape.frames, stride);
  if (legalFrames[0] !== shape.frames) {
    const rule = stride.time === 1 ? "at least 1" : `${stride.time}k + 1 (the first frame is encoded alone)`;
    problems.push(
      `${shape.frames} frames are not possible: the number must be ${rule}; nearest: ${legalFrames.join(" or ")}`,
    );
  }
  for (const name of ["height", "width"] as const) {
    const multiple = stride[name] * patch;
    const legal = nearestLegalSizes(shape[name], { multiple });
    if (legal[0] !== shape[name]) {
      problems.push(
        `${name} ${shape[name]} is not possible: it must be a multiple of ${multiple}; nearest: ${legal.join(" or ")}`,
      );
    }
  }
  if (problems.length > 0) throw new ShapeError(problems.join(". "));
}
