// Values of variables in the layouts of the graphs that use them.
import * as tf from "@tensorflow/tfjs";
import { CompileError } from "../errors.js";
import { identity, inverse, permuteShape, permuteValues } from "../trace/layout.js";
import type { Permutation } from "../trace/layout.js";
import { allocate } from "../trace/symbol.js";
import type { HostValues, TensorType } from "../trace/symbol.js";
import { ortTensor } from "./node.js";
import type { OrtTensor } from "./node.js";

/** A variable whose value lives in an executable between runs. */
interface State {
  readonly variable: tf.Variable;
  readonly perm: Permutation;
  /** The variable's data when it was last read or written; anything else means somebody assigned it. */
  seen: object;
  current: OrtTensor;
  /** Where the next value is written: the two change places after every run. */
  next: OrtTensor;
  /** True when `current` is newer than the variable. */
  ahead: boolean;
}

/**
 * Host copies of variables that are only read, by their data and layout. Data of a tensor never changes, so executables
 * share them, and they disappear with the tensor.
 */
const copies = new WeakMap<object, Map<string, OrtTensor>>();

export class VariableStore {
  private readonly states = new Map<tf.Variable, State>();

  /** Layouts that existing state has; new traces follow them. */
  layouts(): Map<tf.Variable, Permutation> {
    return new Map([...this.states].map(([variable, state]) => [variable, state.perm]));
  }

  /** Makes a variable part of the state. */
  async hold(variable: tf.Variable, perm: Permutation): Promise<void> {
    if (this.states.has(variable)) return;
    const [current, next] = [0, 1].map(() => blank(variable, perm));
    this.states.set(variable, { variable, perm, seen: {}, current: current!, next: next!, ahead: false });
    await this.refresh(variable);
  }

  /** Takes over a value that was assigned to the variable outside the executable. */
  private async refresh(variable: tf.Variable): Promise<void> {
    const state = this.states.get(variable)!;
    if (variable.dataId === state.seen) return;
    const { dataId } = variable;
    const values = await hostValues(variable);
    (state.current.data as HostValues).set(permuteValues(values, variable.shape, state.perm));
    state.seen = dataId;
    state.ahead = false;
  }

  /** The tensor to feed for a variable. */
  async current(variable: tf.Variable, perm: Permutation): Promise<OrtTensor> {
    assertAlive(variable);
    const state = this.states.get(variable);
    if (state === undefined) return readOnlyCopy(variable, perm);
    await this.refresh(variable);
    return state.current;
  }

  /** The tensor to write a variable's next value to. */
  next(variable: tf.Variable): OrtTensor {
    return this.states.get(variable)!.next;
  }

  /** Makes the values just written the current ones. */
  advance(variables: readonly tf.Variable[]): void {
    for (const variable of variables) {
      const state = this.states.get(variable)!;
      [state.current, state.next] = [state.next, state.current];
      state.ahead = true;
    }
  }

  /** Writes all newer values back to their variables. */
  sync(): void {
    for (const state of this.states.values()) {
      const { variable, perm } = state;
      // A variable that was assigned outside meanwhile keeps that value: it is the newest.
      if (!state.ahead || variable.isDisposed || variable.dataId !== state.seen) continue;
      const physical = state.current.data as HostValues;
      const values = permuteValues(physical, permuteShape(variable.shape, perm), inverse(perm));
      // The buffer is overwritten by the next run but one.
      const value = tf.tensor(values === physical ? physical.slice() : values, variable.shape, variable.dtype);
      variable.assign(value);
      value.dispose();
      state.seen = variable.dataId;
      state.ahead = false;
    }
  }

  dispose(): void {
    this.states.clear();
  }
}

function assertAlive(variable: tf.Variable): void {
  if (!variable.isDisposed) return;
  throw new CompileError(
    `The variable "${variable.name}" was disposed, but a compiled function uses it. Dispose the executable first, and compile again.`,
    { tensor: variable.name },
  );
}

function blank(variable: tf.Variable, perm: Permutation): OrtTensor {
  const dtype = variable.dtype as TensorType;
  return ortTensor(dtype, allocate(dtype, variable.size), permuteShape(variable.shape, perm));
}

async function readOnlyCopy(variable: tf.Variable, perm: Permutation): Promise<OrtTensor> {
  const { dataId } = variable;
  let layouts = copies.get(dataId);
  if (layouts === undefined) {
    layouts = new Map();
    copies.set(dataId, layouts);
  }
  const key = `${perm.join()}|${variable.shape.join()}`;
  let copy = layouts.get(key);
  if (copy === undefined) {
    const values = permuteValues(await hostValues(variable), variable.shape, perm);
    copy = ortTensor(variable.dtype as TensorType, values, permuteShape(variable.shape, perm));
    layouts.set(key, copy);
  }
  return copy;
}

/** A tensor's values; tfjs's cpu backend hands out its own array, so nothing is copied. */
export async function hostValues(tensor: tf.Tensor): Promise<HostValues> {
  return tensor.data();
}

/** The graph's layout of a variable's current value. */
export async function layOut(variable: tf.Variable, perm: Permutation = identity(variable.rank)): Promise<HostValues> {
  assertAlive(variable);
  return permuteValues(await hostValues(variable), variable.shape, perm);
}
