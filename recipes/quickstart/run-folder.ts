// The folder of a run: its configuration, which phases are done, how long they took. What makes a killed run resumable.
import { ConfigError, type JsonValue } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import type { RecipeEvent } from "../run/events.js";

interface PhaseState {
  readonly seconds: number;
  readonly done: boolean;
  /** What the phase found out, as JSON. */
  readonly result?: unknown;
}

interface RunState {
  readonly phases: Readonly<Record<string, PhaseState>>;
  readonly peakRssMiB: number;
}

export interface PhaseOptions {
  readonly name: string;
  /** For people, e.g. "Training the autoencoder". */
  readonly title: string;
  readonly unit: "clips" | "steps" | "prompts" | "files";
  readonly count: number;
  /** Units an interrupted run has done. */
  readonly done?: number;
}

/** Call it after each finished unit. */
export type Advance = (done: number, values?: Readonly<Record<string, number>>) => void;

/** Seconds between two writes of a running phase's time: what a kill can lose of the clock. */
const secondsBetweenSaves = 10;

export class RunFolder {
  readonly folder: string;
  readonly #emit: (event: RecipeEvent) => void;
  #state: RunState;

  private constructor(folder: string, state: RunState, emit: (event: RecipeEvent) => void) {
    this.folder = folder;
    this.#state = state;
    this.#emit = emit;
  }

  /**
   * Opens the run in `folder`, or begins one. Throws ConfigError when the folder holds a run of another configuration;
   * `fresh` removes what is there first.
   */
  static async open(options: {
    readonly folder: string;
    readonly config: JsonValue;
    readonly fresh: boolean;
    readonly emit: (event: RecipeEvent) => void;
  }): Promise<RunFolder> {
    const { folder, config, fresh, emit } = options;
    if (fresh) await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const wanted = `${JSON.stringify(config, null, 2)}\n`;
    const found = await readIfPresent(path.join(folder, "config.json"));
    if (found === undefined) {
      await writeFileAtomically(path.join(folder, "config.json"), wanted);
    } else if (found !== wanted) {
      throw new ConfigError(
        `${folder} holds a run of another configuration (see its config.json); use --fresh to start it again, or --out for another folder`,
      );
    }
    const text = await readIfPresent(path.join(folder, "state.json"));
    const state = text === undefined ? { phases: {}, peakRssMiB: 0 } : (JSON.parse(text) as RunState);
    return new RunFolder(folder, state, emit);
  }

  path(...parts: readonly string[]): string {
    return path.join(this.folder, ...parts);
  }

  /** Seconds by finished phase. */
  get seconds(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.#state.phases).map(([name, { seconds }]) => [name, seconds]));
  }

  /** Largest resident memory of this run's processes so far, in MiB. */
  get peakRssMiB(): number {
    return Math.max(this.#state.peakRssMiB, process.resourceUsage().maxRSS / 1024);
  }

  note(message: string): void {
    this.#emit({ type: "note", message });
  }

  /** Runs a phase whose result lives in memory, so that every process of a run goes through it. */
  async repeat(options: PhaseOptions, work: (advance: Advance) => Promise<void>): Promise<void> {
    const { [options.name]: _, ...others } = this.#state.phases;
    this.#state = { ...this.#state, phases: others };
    await this.phase(options, async (advance) => {
      await work(advance);
      return null;
    });
  }

  /**
   * Runs one phase, or returns what it gave when it was finished before. `work` may be interrupted at any moment and is
   * run again: it has to find by itself what it has done already. What it returns must survive JSON.
   */
  async phase<Result>(options: PhaseOptions, work: (advance: Advance) => Promise<Result>): Promise<Result> {
    const { name, title, unit, count, done: begun = 0 } = options;
    const earlier = this.#state.phases[name];
    if (earlier?.done === true) {
      this.#emit({ type: "phase-end", phase: name, seconds: earlier.seconds, skipped: true });
      return earlier.result as Result;
    }
    this.#emit({ type: "phase-start", phase: name, title, unit, count, done: begun });
    const started = performance.now();
    const seconds = () => (earlier?.seconds ?? 0) + (performance.now() - started) / 1000;
    let saved = performance.now();
    // The first unit includes compiling and would spoil the estimate.
    let paceFrom: { readonly done: number; readonly at: number } | undefined;
    const advance: Advance = (done, values = {}) => {
      const now = performance.now();
      const pace = paceFrom === undefined ? undefined : (now - paceFrom.at) / 1000 / (done - paceFrom.done);
      const etaSeconds = done >= count ? 0 : pace === undefined ? undefined : pace * (count - done);
      paceFrom ??= { done, at: now };
      this.#emit({ type: "phase-progress", phase: name, done, count, etaSeconds, values });
      if (performance.now() - saved > 1000 * secondsBetweenSaves) {
        saved = performance.now();
        pending = this.#save(name, { seconds: seconds(), done: false });
        pending.catch(() => {}); // reported below, by the phase that waits for it
      }
    };
    let pending: Promise<void> = Promise.resolve();
    try {
      const result = await work(advance);
      await pending;
      await this.#save(name, { seconds: seconds(), done: true, result });
      this.#emit({ type: "phase-end", phase: name, seconds: seconds(), skipped: false });
      return result;
    } catch (error) {
      await pending.then(() => this.#save(name, { seconds: seconds(), done: false })).catch(() => {});
      throw error;
    }
  }

  async #save(name: string, phase: PhaseState): Promise<void> {
    this.#state = { phases: { ...this.#state.phases, [name]: phase }, peakRssMiB: this.peakRssMiB };
    await writeFileAtomically(this.path("state.json"), `${JSON.stringify(this.#state, null, 2)}\n`);
  }
}

function readIfPresent(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
