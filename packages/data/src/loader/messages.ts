// What the loader and its workers say to each other.
import type { Example, JsonValue } from "@noisereel/core";
import type { Bucket } from "../buckets/bucket.js";

export interface WorkerSetup {
  /** URL of the module that makes the pipeline. */
  readonly module: string;
  readonly data: JsonValue;
}

export interface WorkerRequest {
  readonly id: number;
  readonly index: number;
  readonly bucket: Bucket | undefined;
  /** State of the draws for this place. */
  readonly draws: JsonValue;
}

export type WorkerReply =
  | { readonly id: number; readonly example: Example }
  | {
      readonly id: number;
      /** `clip` when it was a `ClipError`, which the loader may skip. */
      readonly kind: "clip" | "config" | "other";
      readonly message: string;
      readonly clipId: string | undefined;
      readonly path: string | undefined;
      readonly stack: string | undefined;
    };
