// What a golden case is, and what runs one.
import type { Executor, JsonValue, Rng, StateDict } from "@noisereel/core";
import type * as tf from "@tensorflow/tfjs";

/** Numbers with a shape, row-major, on the host. */
export interface GoldenArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
}

/** One output's error in units of its tolerance: at most 1 passes. */
export interface GoldenComparison {
  readonly output: string;
  readonly ratio: number;
}

/** How far an output may be off; the two manifest formats word it differently. */
export type GoldenTolerance =
  | { readonly kind: "norm"; readonly atol: number; readonly relativeL2: number; readonly magnitude: number }
  | {
      readonly kind: "element";
      readonly atol: number;
      readonly rtol: number;
      readonly outlierFraction: number;
      readonly outlierAtol: number;
    };

export interface GoldenExpectation extends GoldenArray {
  readonly tolerance: GoldenTolerance;
}

/** One entry of a golden folder's `manifest.json`, with what it needs to be run. */
export interface GoldenCase {
  readonly id: string;
  /** The manifest's text for what was run. */
  readonly module: string;
  readonly config: JsonValue;
  /** The whole manifest entry, for what only some cases have. */
  readonly entry: Readonly<Record<string, JsonValue>>;
  /** The manifest's head (release configuration, salt, …). */
  readonly manifest: Readonly<Record<string, JsonValue>>;
  readonly folder: string;
  /** True when the case is a JSON file to be matched exactly. */
  readonly isJson: boolean;
  /** The parsed file of a JSON case. */
  json(): Promise<JsonValue>;
  /** A file beside the case's own, as parsed JSON. */
  siblingJson(file: string): Promise<JsonValue>;
  /** Names of the inputs without `in.`, in the file's order. */
  inputNames(): Promise<readonly string[]>;
  /** An input by its name without `in.`. */
  input(name: string): Promise<GoldenArray>;
  hasInput(name: string): Promise<boolean>;
  /** Stored weights under the reference's names, from the case or from the weights file it names; undefined when made by formula. */
  weights(): Promise<StateDict | undefined>;
  /** Weights by the formula that the case names, for tensors of these names and shapes. */
  formulaWeights(shapes: Iterable<readonly [name: string, shape: readonly number[]]>): StateDict;
  /** Numbers in [-1, 1) by the formula's rule for inputs. */
  formulaInput(name: string, shape: readonly number[]): GoldenArray;
  /** Outputs with their tolerances, by their names with `out.`. */
  expected(): Promise<ReadonlyMap<string, GoldenExpectation>>;
}

export interface GoldenTools {
  readonly executor: Executor;
  /** Compiles `fn`, runs it once and reads the outputs. */
  call(
    name: string,
    fn: (inputs: Readonly<Record<string, tf.Tensor>>) => Record<string, tf.Tensor>,
    inputs: Readonly<Record<string, GoldenArray>>,
  ): Promise<Record<string, GoldenArray>>;
  /** Randomness that hands out these arrays, one for each call of `normal` or `normals`. */
  scriptedRng(noise: readonly GoldenArray[]): Rng;
}

/** Runs the golden cases of one kind of module. */
export interface GoldenRunner {
  readonly name: string;
  /** Decides by the case's module and config, never by its id, a seed or a value. */
  matches(goldenCase: GoldenCase): boolean;
  run(goldenCase: GoldenCase, tools: GoldenTools): Promise<readonly GoldenComparison[]>;
}
