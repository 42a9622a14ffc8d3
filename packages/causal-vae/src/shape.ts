// Which clips a model can code, checked before any work is done.
import { ShapeError, type Stride } from "@noisereel/core";

/** Throws `ShapeError` naming the nearest legal sizes when a clip's frames, height or width do not fit the stride. */
export function checkVideoShape(shape: readonly number[], stride: Stride): void {
  const [, frames, height, width, channels] = shape;
  if (shape.length !== 5 || channels !== 3) {
    throw new ShapeError(`video has shape [${shape.join(", ")}]; give [batch, frames, height, width, 3]`);
  }
  checkSize("frames", frames!, stride.time, 1);
  checkSize("height", height!, stride.height, 0);
  checkSize("width", width!, stride.width, 0);
}

/** Throws `ShapeError` when `latents` are not `[batch, time, height, width, channels]`. */
export function checkLatentShape(shape: readonly number[], channels: number): void {
  if (shape.length !== 5 || shape[4] !== channels || shape.some((size) => size < 1)) {
    throw new ShapeError(
      `latents has shape [${shape.join(", ")}]; give [batch, time, height, width, ${channels}], each at least 1`,
    );
  }
}

function checkSize(name: string, size: number, step: number, offset: number): void {
  const below = Math.floor((size - offset) / step) * step + offset;
  if (below === size && size > 0) return;
  const legal = [below, below + step].filter((value) => value > 0);
  const rule = offset === 0 ? `a multiple of ${step}` : `${step}k + ${offset}`;
  throw new ShapeError(
    `${name} is ${size} but must be ${rule}; the nearest legal ${legal.length === 1 ? "value is" : "values are"} ${legal.join(" and ")}`,
  );
}
