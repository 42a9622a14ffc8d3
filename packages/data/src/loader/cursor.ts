// Where a run stands in its data, as JSON for a checkpoint.
import { ConfigError, type JsonValue } from "@noisereel/core";
import { z } from "zod";

/** A clip that could not be used, and what was said about it. */
export interface DroppedClip {
  readonly id: string;
  readonly path: string | undefined;
  readonly reason: string;
}

export interface LoaderReport {
  /** Clips delivered, repeats included. */
  readonly ok: number;
  /** Each bad clip once, in the order of their first use. */
  readonly dropped: readonly DroppedClip[];
}

const schema = z.strictObject({
  version: z.literal(1),
  /** The next step to deliver. */
  step: z.int().nonnegative(),
  length: z.int().positive(),
  batchSize: z.int().positive(),
  rank: z.int().nonnegative(),
  size: z.int().positive(),
  shuffle: z.boolean(),
  /** What the draws depend on; equal seeds and forks give equal text. */
  randomness: z.string(),
  ok: z.int().nonnegative(),
  dropped: z.array(
    z.strictObject({ index: z.int().nonnegative(), id: z.string(), path: z.string().nullable(), reason: z.string() }),
  ),
});

export type LoaderCursor = z.infer<typeof schema>;

/** Checks a stored cursor against the loader that is to continue from it. Throws a `ConfigError` naming what differs. */
export function parseCursor(
  stored: JsonValue,
  expected: Pick<LoaderCursor, "length" | "batchSize" | "rank" | "size" | "shuffle" | "randomness">,
): LoaderCursor {
  const parsed = schema.safeParse(stored);
  if (!parsed.success) {
    throw new ConfigError(
      `cursor is not a loader's cursor (${parsed.error.issues[0]?.message}); pass what cursor() gave`,
    );
  }
  for (const key of ["length", "batchSize", "rank", "size", "shuffle"] as const) {
    if (parsed.data[key] !== expected[key]) {
      throw new ConfigError(
        `the cursor was made with ${key} ${parsed.data[key]} but the loader has ${expected[key]}; resume with the same data, or start without a cursor`,
      );
    }
  }
  if (parsed.data.randomness !== expected.randomness) {
    throw new ConfigError(
      "the cursor was made with another seed or other buckets; resume with the same one, or start without a cursor",
    );
  }
  return parsed.data;
}
