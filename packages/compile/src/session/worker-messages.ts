// What a thread with sessions and its owner say to each other.
import type { TensorType } from "../trace/symbol.js";
import type { HostArray } from "./runtime.js";

/** A tensor with its values, or one that stays in the thread. */
export type SentTensor =
  | { readonly dtype: TensorType; readonly dims: readonly number[]; readonly values: HostArray }
  | { readonly handle: number; readonly dims: readonly number[] };

export type WorkerRequest =
  | { readonly type: "open"; readonly id: number; readonly model: Uint8Array; readonly settings: object }
  | {
      readonly type: "run";
      readonly id: number;
      readonly session: number;
      readonly feeds: Readonly<Record<string, SentTensor>>;
      readonly fetches: readonly string[];
    }
  | { readonly type: "release"; readonly id: number; readonly session: number }
  | { readonly type: "profile"; readonly id: number; readonly session: number }
  /** Not answered. */
  | { readonly type: "free"; readonly handle: number };

export type WorkerReply =
  | { readonly id: number; readonly session: number }
  | { readonly id: number; readonly results: Readonly<Record<string, SentTensor>> }
  | { readonly id: number; readonly done: true }
  | { readonly id: number; readonly error: string };
