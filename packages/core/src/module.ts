// A model is a tree of fields: the names of the fields are the names in its checkpoint.
import * as tf from "@tensorflow/tfjs";
import type { Rng, StateDict, StoredTensor } from "./contracts.js";
import { CheckpointError, ShapeError, type ShapeMismatch } from "./errors.js";
import { storeFloats, toFloat32 } from "./safetensors/dtype.js";
import { invertPermutation, permute, sameShape, sizeOf } from "./shape.js";

export interface ParameterOptions {
  /**
   * How the storage is permuted into the checkpoint's layout: axis `i` of the checkpoint is axis `axes[i]` of the
   * storage. Left out, both are the same.
   */
  readonly axes?: readonly number[];
  /** Every element at first. Default 0. */
  readonly fill?: number;
  /** False for running statistics and other values that no gradient reaches. Default true. */
  readonly trainable?: boolean;
}

/** One float32 tensor that a checkpoint holds: a `tf.Variable` and how it is laid out in files. */
export class Parameter {
  readonly variable: tf.Variable;
  readonly trainable: boolean;
  readonly #axes: readonly number[] | undefined;

  /** `shape`: of the storage, the layout that the layer's op wants. */
  constructor(shape: readonly number[], options: ParameterOptions = {}) {
    this.#axes = options.axes;
    this.trainable = options.trainable ?? true;
    this.variable = tf.tidy(() => tf.variable(tf.fill([...shape], options.fill ?? 0), this.trainable));
  }

  /** Shape of the storage. */
  get shape(): readonly number[] {
    return this.variable.shape;
  }

  /** Shape in the checkpoint. */
  get storedShape(): readonly number[] {
    return this.#axes === undefined ? this.shape : this.#axes.map((axis) => this.shape[axis]!);
  }

  /** Sets the storage's values, given in the storage's layout. */
  assign(values: Float32Array): void {
    if (values.length !== sizeOf(this.shape)) {
      throw new ShapeError(
        `values has ${values.length} numbers but the parameter's shape [${this.shape.join(", ")}] needs ${sizeOf(this.shape)}; pass one number per element`,
      );
    }
    tf.tidy(() => this.variable.assign(tf.tensor(values, [...this.shape])));
  }

  /** Takes the values of a checkpoint's tensor of shape `storedShape`. */
  load(stored: StoredTensor): void {
    const values = toFloat32(stored);
    this.assign(this.#axes === undefined ? values : permute(values, stored.shape, invertPermutation(this.#axes)));
  }

  /** The values in the checkpoint's layout, as F32. */
  async store(): Promise<StoredTensor> {
    const values = (await this.variable.data()) as Float32Array;
    const laidOut = this.#axes === undefined ? values.slice() : permute(values, this.shape, this.#axes);
    return storeFloats(laidOut, this.storedShape, "F32");
  }

  dispose(): void {
    this.variable.dispose();
  }
}

export interface LoadOptions {
  /** Fail on missing and unexpected names. Shapes must fit either way. Default true. */
  readonly strict?: boolean;
  /** Names in the state dict to leave out, e.g. `(name) => name.startsWith("loss.")`. */
  readonly ignore?: (name: string) => boolean;
}

/**
 * Base of everything with weights. It has no state of its own: it walks its enumerable fields. A `Parameter` gives a
 * name, a `Module` or an array is walked into (`name.0`), anything else is skipped, so arrays may have holes.
 */
export abstract class Module {
  *namedParameters(prefix = ""): Generator<readonly [name: string, parameter: Parameter]> {
    for (const [name, child] of children(this, prefix)) {
      if (child instanceof Parameter) yield [name, child];
      else yield* child.namedParameters(`${name}.`);
    }
  }

  /** This module as "" and every module below it, deepest first. */
  *namedModules(prefix = ""): Generator<readonly [name: string, module: Module]> {
    for (const [name, child] of children(this, prefix)) {
      if (child instanceof Module) yield* child.namedModules(`${name}.`);
    }
    yield [prefix.replace(/\.$/, ""), this];
  }

  /** Draws this module's own parameters (not its children's). Runs after the children's. */
  resetParameters?(rng: Rng): void;

  /** A copy of every parameter, by its checkpoint name. */
  async stateDict(): Promise<StateDict> {
    const result = new Map<string, StoredTensor>();
    for (const [name, parameter] of this.namedParameters()) result.set(name, await parameter.store());
    return result;
  }

  /** Loads by name. Everything is checked before anything is written. */
  loadStateDict(state: StateDict, options: LoadOptions = {}): void {
    const strict = options.strict ?? true;
    const parameters = new Map(this.namedParameters());
    const missing = [...parameters.keys()].filter((name) => !state.has(name));
    const unexpected = [...state.keys()].filter((name) => !parameters.has(name) && !(options.ignore?.(name) ?? false));
    const mismatched: ShapeMismatch[] = [];
    for (const [name, parameter] of parameters) {
      const stored = state.get(name);
      if (stored !== undefined && !sameShape(stored.shape, parameter.storedShape)) {
        mismatched.push({ name, expected: parameter.storedShape, found: stored.shape });
      }
    }
    if (mismatched.length > 0 || (strict && missing.length + unexpected.length > 0)) {
      throw new CheckpointError(describe(missing, unexpected, mismatched), { missing, unexpected, mismatched });
    }
    for (const [name, parameter] of parameters) {
      const stored = state.get(name);
      if (stored !== undefined) parameter.load(stored);
    }
  }

  /** Number of trained numbers. */
  parameterCount(): number {
    let count = 0;
    for (const [, parameter] of this.namedParameters()) if (parameter.trainable) count += sizeOf(parameter.shape);
    return count;
  }

  dispose(): void {
    for (const [, parameter] of this.namedParameters()) parameter.dispose();
  }
}

/** Draws every parameter of `module`, each from a fork of `rng` named after its module: order does not matter. */
export function initialize(module: Module, rng: Rng): void {
  for (const [name, part] of module.namedModules()) part.resetParameters?.(rng.fork(name));
}

function* children(module: Module, prefix: string): Generator<[string, Parameter | Module]> {
  const pending: [string, unknown][] = Object.entries(module).map(([key, value]) => [prefix + key, value]);
  while (pending.length > 0) {
    const [name, value] = pending.shift()!;
    if (value instanceof Parameter || value instanceof Module) yield [name, value];
    else if (Array.isArray(value))
      pending.unshift(...value.map((item, i): [string, unknown] => [`${name}.${i}`, item]));
  }
}

function describe(
  missing: readonly string[],
  unexpected: readonly string[],
  mismatched: readonly ShapeMismatch[],
): string {
  const some = (names: readonly string[]) => names.slice(0, 5).join(", ") + (names.length > 5 ? ", …" : "");
  const parts: string[] = [];
  if (missing.length > 0) parts.push(`${missing.length} missing (${some(missing)})`);
  if (unexpected.length > 0) parts.push(`${unexpected.length} unexpected (${some(unexpected)})`);
  if (mismatched.length > 0) {
    const shapes = mismatched.map(
      (m) => `${m.name} is [${m.found.join(", ")}], the model has [${m.expected.join(", ")}]`,
    );
    parts.push(`${mismatched.length} of another shape (${some(shapes)})`);
  }
  return `the checkpoint does not fit the model: ${parts.join("; ")}; check that the configuration is the checkpoint's`;
}
