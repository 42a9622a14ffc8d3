// What the page and its server say to each other. Types only: the page imports this file too.

/** Everything that decides a clip. */
export interface Parameters {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: number;
  readonly steps: number;
  readonly guidanceScale: number;
  readonly sampler: string;
  /** Pixel frames; one makes a picture. */
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** What the controls may offer. */
export interface Limits {
  readonly frames: readonly number[];
  /** Pixels, for height and width. */
  readonly sizes: readonly number[];
  readonly samplers: readonly string[];
  readonly steps: Range;
  readonly guidanceScale: Range;
  readonly seed: Range;
  readonly promptLength: number;
}

export interface Range {
  readonly minimum: number;
  readonly maximum: number;
}

/** `GET /api/studio`. Without a run there is a sentence that says what to do. */
export type Studio =
  | {
      readonly ready: true;
      readonly run: string;
      readonly fps: number;
      readonly defaults: Omit<Parameters, "prompt" | "negativePrompt" | "seed">;
      readonly limits: Limits;
      /** Captions of the training clips. */
      readonly examples: readonly string[];
    }
  | { readonly ready: false; readonly problem: string };

export type JobStatus = "queued" | "running" | "done" | "failed" | "cancelled";

/** One clip, from the queue to the file. */
export interface Job {
  readonly id: string;
  readonly parameters: Parameters;
  readonly status: JobStatus;
  /** Jobs before this one while it is queued, else 0. */
  readonly ahead: number;
  /** Finished steps, of `parameters.steps`. */
  readonly step: number;
  /** Seconds to the last step at the pace so far. */
  readonly etaSeconds: number | null;
  /** Address of a moving picture of the current estimate. */
  readonly preview: string | null;
  readonly result: { readonly url: string; readonly kind: "video" | "image"; readonly seconds: number } | null;
  /** Why it failed, in a sentence. */
  readonly error: string | null;
}

/** Events of `GET /api/events`, by their names: all jobs on connecting, then each change. */
export interface StudioEvents {
  readonly jobs: readonly Job[];
  readonly job: Job;
  /** A job that the server forgot, by its id. */
  readonly removed: string;
}

/** Body of every answer that is no success. */
export interface Problem {
  readonly error: string;
}
