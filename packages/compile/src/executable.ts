// Runs a tfjs function: traces it for each shape it meets, and keeps its state between runs.
import * as tf from "@tensorflow/tfjs";
import { CompileError } from "./errors.js";
import { sizeOf } from "./graph/graph.js";
import type { Device, DeviceOptions } from "./session/device.js";
import { buildProgram, feedName, fetchName } from "./session/program.js";
import type { BakedVariable, Program, ProgramStats } from "./session/program.js";
import type { OrtTensor } from "./session/runtime.js";
import type { Provider } from "./session/settings.js";
import { ConstantMemory } from "./session/constant-memory.js";
import { discard } from "./session/discard.js";
import { VariableStore, hostValues, layOut } from "./session/variables.js";
import { tensorType } from "./trace/backend.js";
import { allocate } from "./trace/symbol.js";
import type { Permutation } from "./trace/layout.js";
import { traceFunction } from "./trace/trace.js";
import type { TensorFunction, TensorSpec } from "./trace/trace.js";

export interface CompileOptions<Name extends Provider = Provider> extends DeviceOptions<Name> {
  /** Name in error messages and in the model. Default: the function's own name. */
  readonly name?: string | undefined;
  /**
   * How the graph gets the variables that the function reads but does not assign.
   * "input" (default) hands them over at every run, without copying. "constant" puts them into the session, which is much
   * faster for convolutions and a little for matrix products, but keeps a second copy, and builds the session again after a
   * change; it is refused for variables that the function assigns.
   */
  readonly weights?: "input" | "constant" | undefined;
  /** How many shapes are kept compiled; the one unused for longest goes first. Default 16. */
  readonly maxShapes?: number | undefined;
}

export interface CompiledFunction {
  /** Runs the function. Borrows its inputs; the caller owns the results, which live on the current tfjs backend. */
  run(
    inputs: Readonly<Record<string, tf.Tensor>>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Record<string, tf.Tensor>>;
  /** Writes the state that the executable holds back to the tf.Variables. */
  sync(): Promise<void>;
  /** Frees the sessions and the state. State that was not synced is lost. */
  dispose(): void;
  /** What each compiled shape cost, in the order of their first use. */
  readonly stats: readonly ProgramStats[];
}

/** What an executable works with once its device is open. */
interface Opened {
  readonly device: Device;
  readonly variables: VariableStore;
}

/** Of an output that is written at every run, from this size on the memory is made anew. */
const keptBytes = 2 ** 26;

export class Executable implements CompiledFunction {
  private readonly programs = new Map<string, Program>();
  private opened: Opened | undefined;
  private readonly name: string;
  /** Runs follow each other: each starts from the state the one before left. */
  private last: Promise<unknown> = Promise.resolve();
  private disposed = false;

  constructor(
    private readonly openDevice: () => Promise<Device>,
    private readonly fn: TensorFunction,
    private readonly options: Omit<CompileOptions, keyof DeviceOptions> & Pick<CompileOptions, "profile">,
  ) {
    this.name = options.name ?? (fn.name === "" ? "compiled" : fn.name);
    const { maxShapes = 1 } = options;
    if (!Number.isInteger(maxShapes) || maxShapes < 1) {
      throw new CompileError(`maxShapes of "${this.name}" is ${maxShapes}; use an integer from 1.`);
    }
  }

  get stats(): readonly ProgramStats[] {
    return [...this.programs.values()].map((program) => program.stats);
  }

  run(
    inputs: Readonly<Record<string, tf.Tensor>>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Record<string, tf.Tensor>> {
    return this.inTurn(() => this.execute(inputs, options.signal));
  }

  sync(): Promise<void> {
    return this.inTurn(async () => {
      this.assertUsable();
      await this.opened?.variables.sync();
    });
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    // A run that has begun keeps its session until it ends.
    void this.inTurn(async () => {
      if (this.opened === undefined) return;
      const { device, variables } = this.opened;
      // First what the sessions made, then the sessions.
      await variables.dispose();
      for (const program of this.programs.values()) await release(device, program, this.options.profile !== undefined);
      this.programs.clear();
    });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }

  private assertUsable(): void {
    if (this.disposed) throw new CompileError(`"${this.name}" was disposed and cannot run. Compile it again.`);
  }

  private async execute(
    inputs: Readonly<Record<string, tf.Tensor>>,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, tf.Tensor>> {
    this.assertUsable();
    signal?.throwIfAborted();
    const opened = await this.open();
    const { device, variables } = opened;
    const program = await this.program(opened, inputs);
    const feeds: Record<string, OrtTensor> = {};
    for (const name of program.inputs) {
      const tensor = inputs[name]!;
      feeds[feedName(name)] = device.wrap(tensorType(tensor.dtype, name), await hostValues(tensor), tensor.shape);
    }
    const fetches: Record<string, OrtTensor | null> = {};
    for (const { name, spec } of program.outputs) {
      // What the runtime allocates stays in its arena, which grows meanwhile.
      if (device.preallocates && !program.written.has(name)) {
        program.written.set(name, allocate(spec.dtype, sizeOf(spec.shape)));
      }
      const values = program.written.get(name);
      fetches[fetchName(name)] = values === undefined ? null : device.wrap(spec.dtype, values, spec.shape);
    }
    const assigned: [variable: tf.Variable, fetch: string][] = [];
    for (const { variable, perm, feed, fetch } of program.variables) {
      if (feed !== undefined) feeds[feed] = await variables.current(variable, perm);
      if (fetch === undefined) continue;
      fetches[fetch] = variables.next(variable);
      assigned.push([variable, fetch]);
    }
    signal?.throwIfAborted();
    const results = await device.run(program.session, feeds, fetches);
    variables.advance(assigned.map(([variable, fetch]) => [variable, results[fetch]!]));
    // The state is where it was told to be written; onnxruntime-node makes copies all the same.
    const own = assigned.filter(([, fetch]) => fetches[fetch] !== null); // others have no data here
    const copies = own.map(([, fetch]) => [fetches[fetch]!.data, results[fetch]!.data] as const);
    discard(copies.flatMap(([written, read]) => (written === read ? [] : [read as Float32Array])));
    return Object.fromEntries(
      program.outputs.map(({ name, spec }) => {
        const values = results[fetchName(name)]!.data as Float32Array;
        const written = program.written.get(name);
        // onnxruntime-node hands out copies. A result that is no copy belongs to the caller.
        if (written !== undefined && (values === written || written.byteLength > keptBytes))
          program.written.delete(name);
        return [name, tf.tensor(values, [...spec.shape], spec.dtype)];
      }),
    );
  }

  private async open(): Promise<Opened> {
    if (this.opened === undefined) {
      const device = await this.openDevice();
      this.opened = { device, variables: new VariableStore(device) };
    }
    return this.opened;
  }

  /** The program for inputs of these shapes, traced and built if it is the first time. */
  private async program(opened: Opened, inputs: Readonly<Record<string, tf.Tensor>>): Promise<Program> {
    const signature = signatureOf(inputs);
    const known = this.programs.get(signature);
    if (known !== undefined && isFresh(known)) {
      // Map order is the order of last use.
      this.programs.delete(signature);
      this.programs.set(signature, known);
      return known;
    }
    const program = await this.build(opened, inputs, signature);
    if (known !== undefined) await release(opened.device, known, false);
    this.programs.delete(signature);
    this.programs.set(signature, program);
    for (const [oldest, stale] of this.programs) {
      if (this.programs.size <= (this.options.maxShapes ?? 16)) break;
      this.programs.delete(oldest);
      await release(opened.device, stale, false);
    }
    return program;
  }

  /** Layouts that new traces follow: of the state, and of what is handed over to programs already, which may become state. */
  private layouts(variables: VariableStore): ReadonlyMap<tf.Variable, Permutation> {
    if (this.options.weights === "constant") return variables.layouts();
    const read = [...this.programs.values()].flatMap((program) => program.variables);
    return new Map([...read.map(({ variable, perm }) => [variable, perm] as const), ...variables.layouts()]);
  }

  private async build(
    { device, variables }: Opened,
    inputs: Readonly<Record<string, tf.Tensor>>,
    signature: string,
  ): Promise<Program> {
    const started = performance.now();
    const specs: Record<string, TensorSpec> = Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => [
        name,
        { shape: tensor.shape, dtype: tensorType(tensor.dtype, `The input "${name}"`) },
      ]),
    );
    const constantWeights = this.options.weights === "constant";
    const trace = traceFunction(this.fn, specs, this.layouts(variables), { constantWeights });
    const traceMilliseconds = performance.now() - started;
    // Native sessions copy their constants.
    const memory = constantWeights && device.preallocates ? new ConstantMemory() : undefined;
    let constants: Map<tf.Variable, BakedVariable> | undefined;
    if (constantWeights) {
      constants = new Map();
      for (const { variable, perm, assigned } of trace.variables) {
        if (assigned !== undefined) {
          throw new CompileError(
            `"${this.name}" assigns the variable "${variable.name}", which weights: "constant" does not allow. Use weights: "input".`,
            { tensor: variable.name },
          );
        }
        const { dataId } = variable; // before reading: an assignment meanwhile must count as a change
        constants.set(variable, { values: await layOut(variable, perm, memory?.floats), dataId });
      }
    }
    const program = await buildProgram(trace, {
      device,
      name: this.name,
      signature,
      traceMilliseconds,
      constants,
      floats: memory?.floats,
    });
    memory?.free();
    for (const { variable, perm, fetch } of program.variables) {
      if (fetch !== undefined) await variables.hold(variable, perm);
    }
    return program;
  }
}

/** False when a variable that was baked in has changed since. */
function isFresh(program: Program): boolean {
  for (const [variable, dataId] of program.baked) if (variable.dataId !== dataId) return false;
  return true;
}

async function release(device: Device, program: Program, profile: boolean): Promise<void> {
  if (profile) program.session.endProfiling();
  await device.release(program.session);
}

function signatureOf(inputs: Readonly<Record<string, tf.Tensor>>): string {
  return Object.entries(inputs)
    .map(([name, tensor]) => `${name}: ${tensor.dtype}[${tensor.shape.join()}]`)
    .toSorted()
    .join(", ");
}
