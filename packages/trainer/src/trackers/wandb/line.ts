// A step of the journal, and the same step as Weights & Biases is sent it.
import { ConfigError } from "@noisereel/core";

/** A file that a line of history shows, as W&B's own client describes it. */
export interface WandbMedia {
  readonly _type: "video-file" | "image-file";
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** Below the run's files, with slashes. */
  readonly path: string;
  readonly caption?: string;
  readonly format?: string;
  readonly width?: number;
  readonly height?: number;
}

/** Numbers that JSON does not know are text, as in every log of ours. */
export type WandbValue = number | "NaN" | "Infinity" | "-Infinity" | WandbMedia;

export interface WandbRow {
  readonly step: number;
  /** Seconds since 1970 when the step was first told. */
  readonly time: number;
  /** Seconds that the run had been going on by then, its earlier processes included. */
  readonly runtime: number;
  readonly values: Readonly<Record<string, WandbValue>>;
}

export function toValue(value: number): WandbValue {
  return Number.isFinite(value) ? value : (String(value) as "NaN");
}

/**
 * The name of a value there. Only letters, digits and underscores can be sorted and filtered by, and what comes before a slash becomes a
 * section: `heldOut.fit` is `heldOut/fit`. Underscores in front are W&B's own.
 */
export function wandbName(name: string): string {
  const changed = name.replaceAll(".", "/").replaceAll(/[^\w/]/g, "_");
  if (changed === "" || changed.startsWith("_")) {
    throw new ConfigError(`a value is named "${name}"; names for Weights & Biases begin with a letter`);
  }
  return changed;
}

/** A line of wandb-history.jsonl. */
export function historyLine({ step, time, runtime, values }: WandbRow): string {
  return encode({ ...values, _step: step, _timestamp: time, _runtime: runtime });
}

/** wandb-summary.json: the last of each value. */
export function summaryLine(values: WandbRow["values"], last: WandbRow | undefined): string {
  const { step = 0, time = 0, runtime = 0 } = last ?? {};
  const own = last === undefined ? {} : { _step: step, _timestamp: time, _runtime: runtime };
  return encode({ ...values, ...own, _wandb: { runtime: Math.floor(runtime) } });
}

/** JSON in which numbers that are not finite stand bare, as W&B's own client writes them. */
function encode(values: Readonly<Record<string, WandbValue | object>>): string {
  const entries = Object.entries(values).map(
    ([name, value]) => `${JSON.stringify(name)}:${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return `{${entries.join(",")}}`;
}
