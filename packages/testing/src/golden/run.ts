// Runs the cases of a golden folder, one line each.
import { BackendError, type Executor, type JsonValue, type Rng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { fromTensor, toTensor } from "./arrays.js";
import { readGoldenFolder } from "./folder.js";
import type { GoldenArray, GoldenCase, GoldenRunner, GoldenTools } from "./types.js";

export interface GoldenResult {
  readonly id: string;
  readonly status: "passed" | "failed" | "no runner";
  /** Largest error in units of its tolerance, and the output that has it. */
  readonly ratio?: number;
  readonly output?: string;
  /** Why it failed, when it threw. */
  readonly error?: string;
  readonly seconds: number;
}

export interface RunGoldensOptions {
  readonly folder: string;
  readonly runners: readonly GoldenRunner[];
  readonly executor: Executor;
  /** Only the case of this id. */
  readonly only?: string | undefined;
}

/** Runs every case and yields its result as soon as it is known. */
export async function* runGoldens(options: RunGoldensOptions): AsyncGenerator<GoldenResult, void> {
  const cases = await readGoldenFolder(options.folder);
  for (const goldenCase of cases) {
    if (options.only !== undefined && goldenCase.id !== options.only) continue;
    yield await runGolden(goldenCase, options.runners, options.executor);
  }
}

export async function runGolden(
  goldenCase: GoldenCase,
  runners: readonly GoldenRunner[],
  executor: Executor,
): Promise<GoldenResult> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const runner = runners.find((candidate) => candidate.matches(goldenCase));
  if (runner === undefined) return { id: goldenCase.id, status: "no runner", seconds: 0 };
  try {
    const comparisons = await runner.run(goldenCase, goldenTools(executor));
    if (comparisons.length === 0) throw new Error(`runner ${runner.name} compared nothing`);
    const worst = comparisons.reduce((a, b) => (b.ratio > a.ratio ? b : a));
    const status = worst.ratio <= 1 ? "passed" : "failed";
    return { id: goldenCase.id, status, ratio: worst.ratio, output: worst.output, seconds: seconds() };
  } catch (error) {
    return { id: goldenCase.id, status: "failed", error: (error as Error).message, seconds: seconds() };
  }
}

/** One line for a terminal. */
export function formatGoldenResult(result: GoldenResult, executor: string): string {
  const status = { passed: "pass", failed: "FAIL", "no runner": "no runner" }[result.status];
  const worst =
    result.ratio === undefined ? "" : `  error/tolerance ${result.ratio.toPrecision(2)} at ${result.output}`;
  const error = result.error === undefined ? "" : `  ${result.error}`;
  return `${result.id.padEnd(44)} ${executor.padEnd(6)} ${status}${worst}${error}  ${result.seconds.toFixed(1)} s`;
}

export function goldenTools(executor: Executor): GoldenTools {
  return {
    executor,
    async call(name, fn, inputs) {
      const tensors: Record<string, tf.Tensor> = {};
      for (const [key, array] of Object.entries(inputs)) tensors[key] = toTensor(array);
      const executable = executor.compile(fn, { name });
      try {
        const outputs = await executable.run(tensors);
        const result: Record<string, GoldenArray> = {};
        for (const [key, tensor] of Object.entries(outputs)) {
          result[key] = await fromTensor(tensor);
          tensor.dispose();
        }
        return result;
      } finally {
        executable.dispose();
        tf.dispose(tensors);
      }
    },
    scriptedRng: (noise) => new ScriptedRng(noise),
  };
}

/** Hands out given noise; everything else a sampler might ask for is an error. */
class ScriptedRng implements Rng {
  readonly #noise: GoldenArray[];

  constructor(noise: readonly GoldenArray[]) {
    this.#noise = [...noise];
  }

  fork(): Rng {
    return this;
  }

  normals(count: number): Float32Array {
    const next = this.#noise.shift();
    if (next === undefined) throw new BackendError("more noise was drawn than the golden case recorded");
    if (next.data.length !== count) {
      throw new BackendError(`${count} random numbers were drawn where the golden case recorded ${next.data.length}`);
    }
    return Float32Array.from(next.data);
  }

  normal(shape: readonly number[]): tf.Tensor {
    return tf.tensor(this.normals(shape.reduce((product, size) => product * size, 1)), [...shape]);
  }

  uniform(): number {
    throw new BackendError("uniform() was called where a golden case recorded normal noise only");
  }

  integer(): number {
    throw new BackendError("integer() was called where a golden case recorded normal noise only");
  }

  state(): JsonValue {
    return null;
  }

  restore(): void {
    throw new BackendError("recorded noise cannot be restored");
  }
}
