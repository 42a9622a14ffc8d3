// Which clips can be made, and the nearest ones to those that cannot.
import { ConfigError, ShapeError, type Stride } from "@noisereel/core";

export interface ClipShape {
  /** Of the clip in pixels, not of its latents. */
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

export interface ShapeRules {
  readonly stride: Stride;
  /** Latents along a side of the denoiser's patches. */
  readonly patch: number;
}

/**
 * The latents' `[time, height, width]` of a clip. Throws `ShapeError` with the nearest legal values unless
 * `frames = 1 + stride.time * n` and the sides are multiples of `stride * patch`.
 */
export function latentShape(shape: ClipShape, rules: ShapeRules): readonly [number, number, number] {
  const { stride, patch } = rules;
  const problems = [
    check("frames", shape.frames, stride.time, 1),
    check("height", shape.height, stride.height * patch, 0),
    check("width", shape.width, stride.width * patch, 0),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new ShapeError(problems.join("; "));
  return [1 + (shape.frames - 1) / stride.time, shape.height / stride.height, shape.width / stride.width];
}

function check(name: string, value: number, unit: number, offset: number): string | undefined {
  if (!Number.isFinite(value)) throw new ConfigError(`${name} is ${value}; use a positive integer`);
  const smallest = offset === 0 ? unit : offset;
  if (Number.isInteger(value) && value >= smallest && (value - offset) % unit === 0) return undefined;
  const below = Math.max(smallest, offset + Math.floor((value - offset) / unit) * unit);
  const above = Math.max(smallest, offset + Math.ceil((value - offset) / unit) * unit);
  const rule = offset === 0 ? `a multiple of ${unit}` : `${unit}n + ${offset}`;
  const nearest = below === above ? `${below}` : `${below} or ${above}`;
  return `${name} is ${value} but must be ${rule}; the nearest ${below === above ? "is" : "are"} ${nearest}`;
}
