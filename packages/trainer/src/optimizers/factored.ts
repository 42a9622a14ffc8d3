// The root of a second moment that is kept as the product of its row and column means.
import { ConfigError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { UpdatePart } from "./parts.js";
import { SlotTable } from "./slots.js";

export interface FactoredOptions {
  /** The moments' decay at step t is `1 - t ** -decayPower`; in (0, 1]. Default 0.8 (section 7.2 of Adafactor). */
  readonly decayPower?: number;
  /** Added to squared gradients, and the least of a moment; above 0. Default 1e-30. */
  readonly epsilon?: number;
  /** Moments are factored when the two largest axes both have at least so many entries; 2 or more. Default 32. */
  readonly factorFrom?: number;
}

/**
 * Divides the gradient by the root of its mean square: `v <- b v + (1 - b) g²`. Of parameters with two long axes only the means
 * of v along either are kept, r and c, and v is taken as `r c / mean(r)` (Adafactor, algorithm 2).
 */
export function scaleByFactoredMoments(options: FactoredOptions = {}): UpdatePart {
  const { decayPower = 0.8, epsilon = 1e-30, factorFrom = 32 } = options;
  if (!(decayPower > 0 && decayPower <= 1)) {
    throw new ConfigError(`decayPower is ${decayPower}; use a number above 0, at most 1`);
  }
  if (!(epsilon > 0)) throw new ConfigError(`epsilon is ${epsilon}; use a number above 0, e.g. 1e-30`);
  if (!(Number.isInteger(factorFrom) && factorFrom >= 2)) {
    throw new ConfigError(`factorFrom is ${factorFrom}; use a whole number of 2 or more`);
  }
  const axesOf = (shape: readonly number[]) => longestAxes(shape, factorFrom);
  const without = (shape: readonly number[], axis: number): number[] => shape.map((n, i) => (i === axis ? 1 : n));
  const slots = new SlotTable({
    row: (shape) => withAxes(axesOf(shape), ([, column]) => without(shape, column)),
    column: (shape) => withAxes(axesOf(shape), ([row]) => without(shape, row)),
    v: (shape) => (axesOf(shape) === undefined ? shape : undefined),
  });
  return {
    name: "scaleByFactoredMoments",
    slots,
    begin({ step, applied }) {
      const take = tf.pow(step, -decayPower);
      const share = applied === undefined ? take : tf.where(applied, take, tf.scalar(0));
      // slot <- slot + share (value - slot); the smallest is for slots that were never written.
      const move = (slot: tf.Variable, value: tf.Tensor): tf.Tensor => {
        const moved = tf.add(slot, tf.mul(tf.sub(value, slot), share));
        slot.assign(moved);
        return tf.maximum(moved, epsilon);
      };
      return (update, name, parameter) => {
        const square = tf.add(tf.square(update), epsilon);
        const axes = axesOf(parameter.shape);
        if (axes === undefined) {
          return tf.div(update, tf.sqrt(move(slots.of(name, parameter, "v").variable, square)));
        }
        const [row, column] = axes;
        const r = move(slots.of(name, parameter, "row").variable, tf.mean(square, column, true));
        const c = move(slots.of(name, parameter, "column").variable, tf.mean(square, row, true));
        // Roots before the product: r c may be too small for float32 where its root is not.
        const relative = tf.sqrt(tf.div(r, tf.mean(r, row, true)));
        return tf.div(tf.div(update, relative), tf.sqrt(c));
      };
    },
  };
}

/** The two longest axes, in order of place, or undefined when the shorter of them has fewer than `least` entries. */
function longestAxes(shape: readonly number[], least: number): readonly [row: number, column: number] | undefined {
  const [first, second] = shape.map((length, axis) => ({ length, axis })).toSorted((a, b) => b.length - a.length);
  if (first === undefined || second === undefined || second.length < least) return undefined;
  return first.axis < second.axis ? [first.axis, second.axis] : [second.axis, first.axis];
}

function withAxes(
  axes: readonly [number, number] | undefined,
  shape: (axes: readonly [number, number]) => readonly number[],
): readonly number[] | undefined {
  return axes === undefined ? undefined : shape(axes);
}
