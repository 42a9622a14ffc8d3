// Values of variables in the layouts of the graphs that use them.
import * as tf from "@tensorflow/tfjs";
import { CompileError } from "../errors.js";
import { identity, inverse, permuteShape, permuteValues } from "../trace/layout.js";
import type { Permutation } from "../trace/layout.js";
import { allocate } from "../trace/symbol.js";
import type { HostValues, TensorType } from "../trace/symbol.js";
import type { Device } from "./device.js";
import { Downloader } from "./download.js";
import type { OrtTensor } from "./runtime.js";

/** A variable whose value lives in an executable between runs. */
interface State {
  readonly variable: tf.Variable;
  readonly perm: Permutation;
  /** The variable's data when it was last read or written; anything else means somebody assigned it. */
  seen: object;
  current: OrtTensor;
  /** Where the next value is written, on devices that allow it: the two change places after every run. */
  next: OrtTensor | undefined;
  /** True when `current` is newer than the variable. */
  ahead: boolean;
}

/**
 * Host copies of variables that are only read, by their data and layout. Data of a tensor never changes, so executables
 * share them, and they disappear with the tensor.
 */
const copies = new WeakMap<object, Map<string, HostValues>>();

export class VariableStore {
  private readonly states = new Map<tf.Variable, State>();
  private readonly downloader: Downloader;

  constructor(private readonly device: Device) {
    this.downloader = new Downloader(device);
  }

  /** Layouts that existing state has; new traces follow them. */
  layouts(): Map<tf.Variable, Permutation> {
    return new Map([...this.states].map(([variable, state]) => [variable, state.perm]));
  }

  /** Makes a variable part of the state. */
  async hold(variable: tf.Variable, perm: Permutation): Promise<void> {
    if (this.states.has(variable)) return;
    const blank = (): OrtTensor => {
      const dtype = variable.dtype as TensorType;
      return this.device.wrap(dtype, allocate(dtype, variable.size), permuteShape(variable.shape, perm));
    };
    const next = this.device.preallocates ? blank() : undefined;
    this.states.set(variable, { variable, perm, seen: {}, current: blank(), next, ahead: false });
    await this.refresh(variable);
  }

  /** Takes over a value that was assigned to the variable outside the executable. */
  private async refresh(variable: tf.Variable): Promise<void> {
    const state = this.states.get(variable)!;
    if (variable.dataId === state.seen) return;
    const { dataId } = variable;
    const values = permuteValues(await hostValues(variable), variable.shape, state.perm);
    if (this.device.preallocates) {
      (state.current.data as HostValues).set(values);
    } else {
      state.current.dispose();
      // A copy: the values may be the variable's own.
      state.current = this.device.wrap(
        variable.dtype as TensorType,
        values.slice(),
        permuteShape(variable.shape, state.perm),
      );
    }
    state.seen = dataId;
    state.ahead = false;
  }

  /** The tensor to feed for a variable. */
  async current(variable: tf.Variable, perm: Permutation): Promise<OrtTensor> {
    assertAlive(variable);
    const state = this.states.get(variable);
    if (state === undefined) {
      const values = await readOnlyCopy(variable, perm);
      return this.device.wrap(variable.dtype as TensorType, values, permuteShape(variable.shape, perm));
    }
    await this.refresh(variable);
    return state.current;
  }

  /** The tensor to write a variable's next value to; null when the run makes one. */
  next(variable: tf.Variable): OrtTensor | null {
    return this.states.get(variable)!.next ?? null;
  }

  /** Makes the values that a run has just written the current ones. */
  advance(written: Iterable<readonly [variable: tf.Variable, value: OrtTensor]>): void {
    for (const [variable, value] of written) {
      const state = this.states.get(variable)!;
      if (state.next === undefined) {
        state.current.dispose();
        state.current = value;
      } else {
        [state.current, state.next] = [state.next, state.current];
      }
      state.ahead = true;
    }
  }

  /** Writes all newer values back to their variables. */
  async sync(): Promise<void> {
    const newer = [...this.states.values()].filter(
      // A variable that was assigned outside meanwhile keeps that value: it is the newest.
      ({ variable, ahead, seen }) => ahead && !variable.isDisposed && variable.dataId === seen,
    );
    const physicals = await this.read(newer);
    for (const [index, state] of newer.entries()) {
      const { variable, perm, seen } = state;
      if (variable.isDisposed || variable.dataId !== seen) continue;
      const physical = physicals[index]!;
      const values = permuteValues(physical, permuteShape(variable.shape, perm), inverse(perm));
      // The buffer is overwritten by the next run but one.
      const value = tf.tensor(values === physical ? physical.slice() : values, variable.shape, variable.dtype);
      variable.assign(value);
      value.dispose();
      state.seen = variable.dataId;
      state.ahead = false;
    }
  }

  /** Values of states in the graph's layout, wherever they are. */
  private async read(states: readonly State[]): Promise<HostValues[]> {
    const resident = states.filter(({ current }) => current.location !== "cpu");
    const downloaded = await this.downloader.read(
      resident.map(({ variable, current }) => ({ dtype: variable.dtype as TensorType, tensor: current })),
    );
    const fromDevice = new Map(resident.map((state, index) => [state, downloaded[index]!]));
    return states.map((state) => fromDevice.get(state) ?? (state.current.data as HostValues));
  }

  async dispose(): Promise<void> {
    for (const { current, next } of this.states.values()) {
      current.dispose();
      next?.dispose();
    }
    this.states.clear();
    await this.downloader.dispose();
  }
}

function assertAlive(variable: tf.Variable): void {
  if (!variable.isDisposed) return;
  throw new CompileError(
    `The variable "${variable.name}" was disposed, but a compiled function uses it. Dispose the executable first, and compile again.`,
    { tensor: variable.name },
  );
}

async function readOnlyCopy(variable: tf.Variable, perm: Permutation): Promise<HostValues> {
  const { dataId } = variable;
  let layouts = copies.get(dataId);
  if (layouts === undefined) {
    layouts = new Map();
    copies.set(dataId, layouts);
  }
  const key = `${perm.join()}|${variable.shape.join()}`;
  let copy = layouts.get(key);
  if (copy === undefined) {
    copy = permuteValues(await hostValues(variable), variable.shape, perm);
    layouts.set(key, copy);
  }
  return copy;
}

/** A tensor's values; tfjs's cpu backend hands out its own array, so nothing is copied. */
export async function hostValues(tensor: tf.Tensor): Promise<HostValues> {
  return tensor.data();
}

/** The graph's layout of a variable's current value: in new memory where it differs from the variable's. */
export async function layOut(
  variable: tf.Variable,
  perm: Permutation = identity(variable.rank),
  floats?: (length: number) => Float32Array<ArrayBuffer>,
): Promise<HostValues> {
  assertAlive(variable);
  const values = await hostValues(variable);
  return values instanceof Float32Array
    ? permuteValues(values, variable.shape, perm, floats)
    : permuteValues(values, variable.shape, perm);
}
