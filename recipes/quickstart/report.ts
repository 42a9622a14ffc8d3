// The figures of a quickstart run: what report.json holds and report.html shows.
import type { JsonValue } from "@noisereel/core";

/** A point of a loss curve. */
export interface CurvePoint {
  readonly step: number;
  readonly value: number;
}

export interface ReconstructionFigures {
  readonly id: string;
  readonly caption: string;
  /** Decibels, mean over frames. */
  readonly psnr: number;
  readonly ssim: number;
  /** Original beside reconstruction, relative to the report. */
  readonly video: string;
}

export interface SampleFigures {
  readonly id: string;
  readonly caption: string;
  readonly seed: number;
  readonly video: string;
  /** The shipped clip that the sample resembles most, and how much (Pearson correlation of pixels). */
  readonly nearest: string;
  readonly correlation: number;
  readonly matched: boolean;
}

export interface QuickstartReport {
  /** Working time of all phases, interrupted runs included. */
  readonly seconds: number;
  readonly peakRssMiB: number;
  /** Seconds by phase. */
  readonly phases: Readonly<Record<string, number>>;
  readonly reconstruction: {
    readonly psnr: number;
    readonly ssim: number;
    readonly clips: readonly ReconstructionFigures[];
  };
  readonly prompts: {
    readonly matched: number;
    readonly total: number;
    readonly samples: readonly SampleFigures[];
  };
  /** Trained numbers by model. */
  readonly parameters: Readonly<Record<string, number>>;
  readonly environment: { readonly node: string; readonly platform: string; readonly cores: number };
  readonly config: { readonly [key: string]: JsonValue };
}

/** Curves by name, e.g. "autoencoder", drawn in the report and kept beside it as JSON lines. */
export type Curves = Readonly<Record<string, readonly CurvePoint[]>>;
