// Everything that a run told, as lines of a file, and how much of it Weights & Biases was offered.
import { CheckpointError } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { appendFile, mkdir, readFile, truncate } from "node:fs/promises";
import path from "node:path";
import type { WandbRow, WandbValue } from "./line.js";
import { dropTornLine, readRows, rowLine, syncFile } from "./rows.js";

export interface JournalState {
  readonly version: 1;
  /** How many runs there were on W&B: another begins when what was sent has to be taken back. From 1. */
  readonly generation: number;
  /** Rows that the present one was sent, or may have been. */
  readonly offered: number;
  /** A checkpoint holds everything up to this step; -1 before the first. */
  readonly saved: number;
  /** Runs that were left at a step, because the training went on from an older checkpoint. */
  readonly left: readonly { readonly generation: number; readonly step: number; readonly told: boolean }[];
  /** The exit code that was told last, null while the run goes on. */
  readonly ended: number | null;
}

/** A place between two rows. */
export interface JournalPlace {
  readonly rows: number;
  readonly byte: number;
}

export interface JournalBatch {
  readonly generation: number;
  readonly rows: readonly WandbRow[];
  readonly end: JournalPlace;
}

const begin: JournalState = { version: 1, generation: 1, offered: 0, saved: -1, left: [], ended: null };

/**
 * One row for each step: what is told of a step in several calls is one row. A step that is not above the last one of an earlier
 * process, or below the last of this one, drops the rows from it on. When some of them were offered, a new
 * generation begins. Calls may overlap: they are done one after the other.
 */
export class WandbJournal {
  readonly #file: string;
  readonly #stateFile: string;
  #state: JournalState;
  #last: WandbRow | undefined;
  #rows: number;
  #fresh = true;
  readonly #runtimeBefore: number;
  readonly #opened = performance.now();
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, state: JournalState, rows: number, last: WandbRow | undefined) {
    this.#file = path.join(folder, "history.jsonl");
    this.#stateFile = path.join(folder, "state.json");
    this.#state = state;
    this.#rows = rows;
    this.#last = last;
    this.#runtimeBefore = last?.runtime ?? 0;
  }

  /** What is in `folder`, which may be missing. A torn last line is dropped. */
  static async open(folder: string): Promise<WandbJournal> {
    const state = await readState(path.join(folder, "state.json"));
    const file = path.join(folder, "history.jsonl");
    let rows = 0;
    let last: WandbRow | undefined;
    await dropTornLine(file);
    for await (const { row } of readRows(file, 0)) {
      rows++;
      last = row;
    }
    return new WandbJournal(folder, state, rows, last);
  }

  get state(): JournalState {
    return this.#state;
  }

  /** -1 when nothing is told. */
  get lastStep(): number {
    return this.#last?.step ?? -1;
  }

  async append(step: number, values: WandbRow["values"]): Promise<void> {
    await this.#alone(async () => {
      const last = this.lastStep;
      if (step < last || (this.#fresh && step === last)) await this.#dropFrom(step);
      else if (step === last && this.#state.offered >= this.#rows) await this.#leave(step);
      this.#fresh = false;
      if (this.#state.ended !== null) await this.#change({ ended: null });
      const runtime = this.#runtimeBefore + (performance.now() - this.#opened) / 1000;
      const row: WandbRow = { step, time: Date.now() / 1000, runtime, values };
      if (last < 0) await mkdir(path.dirname(this.#file), { recursive: true });
      await appendFile(this.#file, `${rowLine(row)}\n`);
      if (this.#last?.step !== step) this.#rows++;
      this.#last = row;
    });
  }

  async saved(step: number): Promise<void> {
    await this.#alone(async () => {
      await syncFile(this.#file);
      await this.#change({ saved: step });
    });
  }

  async ended(exitCode: number): Promise<void> {
    await this.#alone(() => this.#change({ ended: exitCode }));
  }

  /** The run that was left at `step` knows it. */
  async toldLeft(generation: number): Promise<void> {
    await this.#alone(() =>
      this.#change({
        left: this.#state.left.map((one) => (one.generation === generation ? { ...one, told: true } : one)),
      }),
    );
  }

  /** At most 500 rows from `from` on: those that are saved, or every one. They count as offered from now on. */
  async offer(from: JournalPlace, everything: boolean): Promise<JournalBatch> {
    return this.#alone(async () => {
      const until = everything ? Infinity : this.#state.saved;
      const rows: WandbRow[] = [];
      let end = from;
      for await (const { row, endByte } of readRows(this.#file, from.byte)) {
        if (row.step > until || rows.length === 500) break;
        rows.push(row);
        end = { rows: end.rows + 1, byte: endByte };
      }
      if (end.rows > this.#state.offered) {
        await syncFile(this.#file); // what the server has must be here too, whatever happens
        await this.#change({ offered: end.rows });
      }
      return { generation: this.#state.generation, rows, end };
    });
  }

  /** The place after the first `count` rows, the last values of all of them, and the last one. */
  async find(count: number): Promise<{
    readonly place: JournalPlace;
    readonly values: WandbRow["values"];
    readonly last: WandbRow | undefined;
  }> {
    return this.#alone(async () => {
      let place: JournalPlace = { rows: 0, byte: 0 };
      const values: Record<string, WandbValue> = {};
      let last: WandbRow | undefined;
      if (count > 0) {
        for await (const { row, endByte } of readRows(this.#file, 0)) {
          Object.assign(values, row.values);
          last = row;
          place = { rows: place.rows + 1, byte: endByte };
          if (place.rows === count) break;
        }
      }
      return { place, values, last };
    });
  }

  async #dropFrom(step: number): Promise<void> {
    let [rows, byte, dropped] = [0, 0, false];
    let last: WandbRow | undefined;
    for await (const { row, endByte } of readRows(this.#file, 0)) {
      if (row.step >= step) {
        dropped = true;
        break;
      }
      last = row;
      byte = endByte;
      rows++;
    }
    if (!dropped) return;
    // First what was offered is given up, then it is dropped: a kill in between must not mend it the other way round.
    if (this.#state.offered > rows) await this.#leave(step);
    await this.#change({ saved: Math.min(this.#state.saved, step - 1) });
    await truncate(this.#file, byte); // what is kept stays where it is: places in it are remembered
    this.#rows = rows;
    this.#last = last;
  }

  async #leave(step: number): Promise<void> {
    const { generation, left } = this.#state;
    await this.#change({
      generation: generation + 1,
      offered: 0,
      left: [...left, { generation, step, told: false }],
    });
  }

  async #change(values: Partial<JournalState>): Promise<void> {
    const state = { ...this.#state, ...values };
    await writeFileAtomically(this.#stateFile, `${JSON.stringify(state, null, 2)}\n`);
    this.#state = state;
  }

  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined); // its caller is told
    return result;
  }
}

async function readState(file: string): Promise<JournalState> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return begin;
  try {
    const state = JSON.parse(text) as JournalState;
    if (state.version === 1) return state;
  } catch {
    // Told below.
  }
  throw new CheckpointError(`${file} is not what this version of noisereel writes; remove ${path.dirname(file)}`);
}
