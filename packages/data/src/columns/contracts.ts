// Plugin points for facts about clips that end up as columns of a manifest. Nothing here deletes a clip.
import type { CallOptions, Clip, MaybePromise } from "@noisereel/core";

/** What a column may hold. `null`: it cannot be said for this clip. */
export type ColumnValue = number | string | boolean | null;
export type Columns = Readonly<Record<string, ColumnValue>>;

/** A frame as measures see it: at most 256 columns wide. */
export interface AnalysisFrame {
  /** From 0. */
  readonly index: number;
  readonly height: number;
  readonly width: number;
  readonly fps: number;
  /** `[H, W, 3]`. */
  readonly rgb: Uint8Array;
  /** Brightness (BT.601), 0 to 255, `[H, W]`. */
  readonly grey: Uint8Array;
}

/** Looks at every frame of a clip, one after the other, and keeps little: for measures of pictures and motion. */
export interface FrameMeasure {
  readonly name: string;
  /** The columns that `end` gives, in order. */
  readonly columns: readonly string[];
  /** Begins a clip. */
  begin(): {
    add(frame: AnalysisFrame): void;
    end(): Columns;
  };
}

/**
 * Scores a clip from a few frames in their own size, and its caption: for models such as text recognition, an aesthetic
 * score, or how well the caption matches.
 */
export interface ClipScorer {
  readonly name: string;
  readonly columns: readonly string[];
  /** Frames that it wants to see, evenly spaced. */
  readonly frames: number;
  /** The frames as a clip; its caption is the entry's first. A clip that cannot be scored throws `ClipError`. */
  score(clip: Clip, options?: CallOptions): MaybePromise<Columns>;
}
