// Runs a tfjs function once on the tracing backend and collects the graph it describes.
import * as tf from "@tensorflow/tfjs";
import { CompileError } from "../errors.js";
import type { ConstantData, Edge, GraphNode } from "../graph/graph.js";
import { TRACE_BACKEND, tensorType, traceBackend } from "./backend.js";
import type { ActiveTrace, TraceBackend } from "./backend.js";
import { permuteShape } from "./layout.js";
import type { Permutation } from "./layout.js";
import { constantValues } from "./symbol.js";
import type { HostValues, Placed, Sym, TensorType } from "./symbol.js";
import { Tracer } from "./tracer.js";
import type { TracerOptions } from "./tracer.js";

/** Named tensors in, named tensors out: what can be compiled. */
export type TensorFunction = (inputs: Readonly<Record<string, tf.Tensor>>) => Record<string, tf.Tensor>;

export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: TensorType;
}

/** A variable the function reads, assigns, or both. */
export interface TracedVariable {
  readonly variable: tf.Variable;
  /** How the graph lays the variable out. */
  readonly perm: Permutation;
  /** The graph's input, if the function reads the variable's value. */
  readonly read: Edge | undefined;
  /** The variable's new value, if the function assigns it. */
  readonly assigned: Edge | undefined;
}

export interface Trace {
  readonly nodes: readonly GraphNode[];
  readonly constants: ReadonlyMap<Edge, ConstantData>;
  readonly inputs: readonly { readonly name: string; readonly edge: Edge }[];
  readonly outputs: readonly { readonly name: string; readonly edge: Edge; readonly spec: TensorSpec }[];
  readonly variables: readonly TracedVariable[];
}

/** A variable while the function runs. */
interface Slot {
  readonly variable: tf.Variable;
  /** Its own data, undefined for a variable that the function creates. */
  readonly original: object | undefined;
  /** First value of a variable that the function creates. */
  readonly initial: HostValues | undefined;
  readonly placeholder: object;
  readonly sym: Sym;
  input: Placed | undefined;
}

/**
 * Traces `fn` for inputs of the given shapes. `layouts` says how earlier traces laid out variables; this one follows,
 * so that all graphs of one executable can share the same buffers.
 */
export function traceFunction(
  fn: TensorFunction,
  specs: Readonly<Record<string, TensorSpec>>,
  layouts: ReadonlyMap<tf.Variable, Permutation> = new Map(),
  options: TracerOptions = {},
): Trace {
  const engine = tf.engine();
  const backend = traceBackend();
  if (backend.active !== undefined) {
    throw new CompileError("A compiled function cannot be compiled from inside another one while that is traced.");
  }
  const previous = initialisedBackend();
  const active: ActiveTrace = { tracer: new Tracer(options), captured: new Map(), origins: new WeakMap() };
  backend.active = active;
  const slots = new Map<string, Slot>();
  const restoreGlobals = guardGlobals(backend, slots, layouts);
  useBackend(TRACE_BACKEND);
  for (const variable of Object.values(engine.registeredVariables)) {
    if (variable.dtype !== "string" && variable.dtype !== "complex64") {
      slots.set(variable.name, enter(backend, variable, layouts.get(variable), undefined));
    }
  }
  engine.startScope("noisereel-trace");
  try {
    const inputs = Object.entries(specs).map(([name, spec]) => ({ name, spec, edge: makeInput(spec) }));
    const tensors = Object.fromEntries(
      inputs.map(({ name, spec, edge }) => {
        const sym = active.tracer.symbol(edge, spec.shape, spec.dtype);
        active.origins.set(sym, `the input "${name}"`);
        const info = { dataId: backend.store(sym), shape: [...spec.shape], dtype: spec.dtype };
        return [name, engine.makeTensorFromTensorInfo(info, backend)];
      }),
    );
    const results: unknown = fn(tensors);
    const outputs = checkResults(results).map(([name, tensor]) => {
      const sym = backend.symbol(tensor);
      return { name, edge: active.tracer.edge(sym), spec: { shape: [...sym.shape], dtype: sym.dtype } };
    });
    for (const slot of slots.values()) placeAssigned(backend, active.tracer, slot, layouts);
    const variables = [...slots.values()].flatMap((slot) => leave(backend, active.tracer, slot, layouts) ?? []);
    const { nodes, constants } = active.tracer.graph;
    return { nodes, constants, inputs: inputs.map(({ name, edge }) => ({ name, edge })), outputs, variables };
  } finally {
    engine.endScope();
    restoreGlobals();
    for (const slot of slots.values()) restore(backend, slot);
    useBackend(previous);
    for (const slot of slots.values()) materialise(slot);
    backend.active = undefined;
  }
}

function makeInput(spec: TensorSpec): Edge {
  return { type: spec.dtype, shape: [...spec.shape] };
}

/** tf.setBackend without the promise: for a backend that exists, everything happens before it returns one. */
function useBackend(name: string): void {
  void tf.engine().setBackend(name);
}

function initialisedBackend(): string {
  const engine = tf.engine();
  // The getter chooses and starts a backend when none is; it throws when that needs awaiting.
  void engine.backend;
  return engine.backendName;
}

/** Replaces a variable's data by a symbol whose layout the first user decides. */
function enter(
  backend: TraceBackend,
  variable: tf.Variable,
  layout: Permutation | undefined,
  initial: HostValues | undefined,
): Slot {
  const { origins } = backend.current();
  const dtype = tensorType(variable.dtype, `The variable "${variable.name}"`);
  const sym: Sym = {
    shape: variable.shape,
    dtype,
    source: { kind: "pending", force: bind },
  };
  const placeholder = backend.store(sym);
  const slot: Slot = {
    variable,
    original: initial === undefined ? variable.dataId : undefined,
    initial,
    placeholder,
    sym,
    input: undefined,
  };
  function bind(preferred: Permutation): Placed {
    const perm = layout ?? preferred;
    slot.input ??= { perm, edge: { type: dtype, shape: permuteShape(variable.shape, perm) } };
    return slot.input;
  }
  origins.set(sym, `the variable "${variable.name}"`);
  const { state } = tf.engine();
  const bytes = variable.size * tf.util.bytesPerElement(variable.dtype);
  state.tensorInfo.set(placeholder, { backend, bytes, dtype: variable.dtype, shape: variable.shape });
  state.numDataBuffers++;
  variable.dataId = placeholder;
  return slot;
}

/** The value that a variable ends with: its own symbol unless it was assigned. */
function lastValue(backend: TraceBackend, { variable, placeholder, sym }: Slot): Sym {
  if (variable.isDisposed) {
    throw new CompileError(`The compiled function disposes the variable "${variable.name}". Dispose it outside.`, {
      tensor: variable.name,
    });
  }
  return variable.dataId === placeholder ? sym : backend.symbol(variable);
}

/** Decides the layout of an assigned value, and with it that of every variable it is computed from. */
function placeAssigned(
  backend: TraceBackend,
  tracer: Tracer,
  slot: Slot,
  layouts: ReadonlyMap<tf.Variable, Permutation>,
): void {
  const value = lastValue(backend, slot);
  if (value !== slot.sym) tracer.placed(value, slot.input?.perm ?? layouts.get(slot.variable));
}

/** What the trace learned about a variable; undefined when the function neither read nor assigned it. */
function leave(
  backend: TraceBackend,
  tracer: Tracer,
  slot: Slot,
  layouts: ReadonlyMap<tf.Variable, Permutation>,
): TracedVariable | undefined {
  const { variable } = slot;
  const value = lastValue(backend, slot);
  let assigned: Edge | undefined;
  let perm = slot.input?.perm ?? layouts.get(variable);
  if (value !== slot.sym) {
    perm ??= tracer.placed(value).perm;
    assigned = tracer.edge(value, perm);
  }
  if (slot.input === undefined && assigned === undefined) return undefined;
  return { variable, perm: slot.input?.perm ?? perm!, read: slot.input?.edge, assigned };
}

/** Gives a variable its own data back. */
function restore(backend: TraceBackend, slot: Slot): void {
  const { variable, original } = slot;
  if (original === undefined) return;
  const symbolic = variable.dataId;
  variable.dataId = original;
  if (backend.disposeData(symbolic)) tf.engine().removeDataId(symbolic, backend);
}

/** Gives a variable that the function created its first value, on the backend that is active now. */
function materialise(slot: Slot): void {
  const { variable, initial } = slot;
  if (initial === undefined || variable.isDisposed) return;
  const value = tf.tensor(initial, variable.shape, variable.dtype);
  variable.assign(value);
  value.dispose();
}

/** While a function is traced, new variables become symbols too, and random numbers are refused. */
function guardGlobals(
  backend: TraceBackend,
  slots: Map<string, Slot>,
  layouts: ReadonlyMap<tf.Variable, Permutation>,
): () => void {
  const engine = tf.engine();
  const makeVariable = engine.makeVariable.bind(engine);
  const { random } = Math;
  engine.makeVariable = (initialValue, trainable, name, dtype) => {
    const initial = constantValues(backend.symbol(initialValue));
    if (initial === undefined) {
      throw new CompileError(
        `The compiled function creates a variable from a computed tensor. Create it outside, or from a constant such as tf.zeros, and assign it in the function.`,
      );
    }
    const variable = makeVariable(initialValue, trainable, name, dtype);
    const first = variable.dataId;
    slots.set(variable.name, enter(backend, variable, layouts.get(variable), initial));
    if (backend.disposeData(first)) engine.removeDataId(first, backend);
    return variable;
  };
  Math.random = () => {
    throw new CompileError(
      "The compiled function draws random numbers (tf.randomNormal, tf.dropout, Math.random, ...), which would be the same on every run. Draw them outside and pass them in as an input.",
    );
  };
  return () => {
    Reflect.deleteProperty(engine, "makeVariable"); // the class's own method shows again
    Math.random = random;
  };
}

function checkResults(results: unknown): [string, tf.Tensor][] {
  if (results instanceof Promise) {
    // Its rejection has no other listener, and the message below says more.
    results.catch(() => undefined);
    throw new CompileError("The compiled function is async. Await what it needs outside and pass it in as inputs.");
  }
  if (typeof results !== "object" || results === null || results instanceof tf.Tensor) {
    throw new CompileError("The compiled function must return an object of named tensors, such as { loss }.");
  }
  return Object.entries(results as Record<string, unknown>).map(([name, value]) => {
    if (value instanceof tf.Tensor) return [name, value];
    throw new CompileError(`The compiled function returns "${name}", which is not a tensor.`, { tensor: name });
  });
}
