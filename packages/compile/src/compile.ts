// Compiles tfjs functions, and runs them.
import * as tf from "@tensorflow/tfjs";
import { CompileError } from "./errors.js";
import { ortTensor } from "./session/node.js";
import type { OrtTensor } from "./session/node.js";
import { buildProgram, feedName, fetchName } from "./session/program.js";
import type { BakedVariable, Program, ProgramStats } from "./session/program.js";
import { VariableStore, hostValues, layOut } from "./session/variables.js";
import { tensorType } from "./trace/backend.js";
import { traceFunction } from "./trace/trace.js";
import type { TensorFunction, TensorSpec } from "./trace/trace.js";

export interface CompileOptions {
  /** Name in error messages and in the model. Default: the function's own name. */
  readonly name?: string | undefined;
  /**
   * How the graph gets the variables that the function reads but does not assign.
   * "input" (default) hands them over at every run, without copying. "constant" puts them into the session, which is
   * faster for large matrix products but keeps a second copy, and builds the session again after a change; it is
   * refused for variables that the function assigns.
   */
  readonly weights?: "input" | "constant" | undefined;
  /** Threads of one operation. Default: all cores. */
  readonly threads?: number | undefined;
  /** Whether idle threads spin. Default: yes, but not on CI. */
  readonly spinning?: boolean | undefined;
  /** How many shapes are kept compiled; the one unused for longest goes first. Default 16. */
  readonly maxShapes?: number | undefined;
  /** Prefix of the path where ONNX Runtime writes a profile when the executable is disposed. */
  readonly profile?: string | undefined;
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

/** Compiles `fn`. Nothing happens until the first run, which traces the function for the shapes it is given. */
export function compile(fn: TensorFunction, options: CompileOptions = {}): CompiledFunction {
  return new Executable(fn, options);
}

class Executable implements CompiledFunction {
  private readonly programs = new Map<string, Program>();
  private readonly variables = new VariableStore();
  private readonly name: string;
  /** Runs follow each other: each starts from the state the one before left. */
  private last: Promise<unknown> = Promise.resolve();
  private disposed = false;

  constructor(
    private readonly fn: TensorFunction,
    private readonly options: CompileOptions,
  ) {
    this.name = options.name ?? (fn.name === "" ? "compiled" : fn.name);
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
    return this.inTurn(() => {
      this.assertUsable();
      this.variables.sync();
      return Promise.resolve();
    });
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    // A run that has begun keeps its session until it ends.
    void this.inTurn(async () => {
      for (const program of this.programs.values()) await release(program, this.options.profile !== undefined);
      this.programs.clear();
      this.variables.dispose();
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
    const program = await this.program(inputs);
    const feeds: Record<string, OrtTensor> = {};
    for (const name of program.inputs) {
      const tensor = inputs[name]!;
      feeds[feedName(name)] = ortTensor(tensorType(tensor.dtype, name), await hostValues(tensor), tensor.shape);
    }
    const fetches: Record<string, OrtTensor | null> = {};
    for (const { name } of program.outputs) fetches[fetchName(name)] = null;
    const assigned: tf.Variable[] = [];
    for (const { variable, perm, feed, fetch } of program.variables) {
      if (feed !== undefined) feeds[feed] = await this.variables.current(variable, perm);
      if (fetch === undefined) continue;
      fetches[fetch] = this.variables.next(variable);
      assigned.push(variable);
    }
    signal?.throwIfAborted();
    const results = await program.session.run(feeds, fetches);
    this.variables.advance(assigned);
    return Object.fromEntries(
      program.outputs.map(({ name, spec }) => {
        const values = results[fetchName(name)]!.data as Float32Array;
        return [name, tf.tensor(values, [...spec.shape], spec.dtype)];
      }),
    );
  }

  /** The program for inputs of these shapes, traced and built if it is the first time. */
  private async program(inputs: Readonly<Record<string, tf.Tensor>>): Promise<Program> {
    const signature = signatureOf(inputs);
    const known = this.programs.get(signature);
    if (known !== undefined && isFresh(known)) {
      // Map order is the order of last use.
      this.programs.delete(signature);
      this.programs.set(signature, known);
      return known;
    }
    const program = await this.build(inputs, signature);
    if (known !== undefined) await release(known, false);
    this.programs.delete(signature);
    this.programs.set(signature, program);
    for (const [oldest, stale] of this.programs) {
      if (this.programs.size <= (this.options.maxShapes ?? 16)) break;
      this.programs.delete(oldest);
      await release(stale, false);
    }
    return program;
  }

  private async build(inputs: Readonly<Record<string, tf.Tensor>>, signature: string): Promise<Program> {
    const started = performance.now();
    const specs: Record<string, TensorSpec> = Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => [
        name,
        { shape: tensor.shape, dtype: tensorType(tensor.dtype, `The input "${name}"`) },
      ]),
    );
    const trace = traceFunction(this.fn, specs, this.variables.layouts());
    const traceMilliseconds = performance.now() - started;
    let constants: Map<tf.Variable, BakedVariable> | undefined;
    if (this.options.weights === "constant") {
      constants = new Map();
      for (const { variable, perm, assigned } of trace.variables) {
        if (assigned !== undefined) {
          throw new CompileError(
            `"${this.name}" assigns the variable "${variable.name}", which weights: "constant" does not allow. Use weights: "input".`,
            { tensor: variable.name },
          );
        }
        const { dataId } = variable; // before reading: an assignment meanwhile must count as a change
        constants.set(variable, { values: await layOut(variable, perm), dataId });
      }
    }
    const program = await buildProgram(trace, {
      name: this.name,
      signature,
      traceMilliseconds,
      constants,
      threads: this.options.threads,
      spinning: this.options.spinning,
      profile: this.options.profile,
    });
    for (const { variable, perm, fetch } of program.variables) {
      if (fetch !== undefined) await this.variables.hold(variable, perm);
    }
    return program;
  }
}

/** False when a variable that was baked in has changed since. */
function isFresh(program: Program): boolean {
  for (const [variable, dataId] of program.baked) if (variable.dataId !== dataId) return false;
  return true;
}

async function release(program: Program, profile: boolean): Promise<void> {
  if (profile) program.session.endProfiling();
  await program.session.release();
}

function signatureOf(inputs: Readonly<Record<string, tf.Tensor>>): string {
  return Object.entries(inputs)
    .map(([name, tensor]) => `${name}: ${tensor.dtype}[${tensor.shape.join()}]`)
    .toSorted()
    .join(", ");
}
