// Takes rows from the journal to the server, one call at a time, and finds out where it stands after every failure.
import { ConfigError } from "@noisereel/core";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { WandbClient, WandbPlace, WandbRunOptions } from "./client.js";
import type { JournalBatch, JournalPlace, WandbJournal } from "./journal.js";
import { historyLine, summaryLine, type WandbRow } from "./line.js";
import { WandbAwayError, WandbRefusedError } from "./requests.js";

export interface WandbSenderOptions extends Pick<WandbRunOptions, "project" | "entity" | "group" | "config"> {
  readonly folder: string;
  readonly runId: string;
  readonly name?: string | undefined;
  readonly client: WandbClient;
  readonly journal: WandbJournal;
  readonly onPlace: (place: WandbPlace) => void;
  readonly onNote: (message: string) => void;
}

/** Where the server stands. */
interface Connection {
  readonly place: WandbPlace;
  readonly generation: number;
  at: JournalPlace;
  /** The last of each value that was sent. */
  readonly values: Record<string, WandbRow["values"][string]>;
  last: WandbRow | undefined;
}

export class WandbSender {
  readonly #options: WandbSenderOptions;
  #connection: Connection | undefined;
  #stopped = false;
  /** That the server is away was said. */
  #saidAway = false;
  /** A `send` waits for its turn: another would find nothing to do. */
  #queued = false;
  /** Calls that are under way or wait. */
  #busy = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(options: WandbSenderOptions) {
    this.#options = options;
  }

  /** Makes the run on the server, or finds it, and how many rows it has. */
  async connect(): Promise<void> {
    const { client, journal, project, entity, group, config, onPlace } = this.#options;
    const { generation, offered } = journal.state;
    const run = this.#runId(generation);
    const found = await client.status({ project, entity, run });
    const lines = found?.lines ?? 0;
    const { place: at, values, last } = await journal.find(Math.min(lines, offered));
    if (lines > offered || at.rows < lines || (found?.lastStep ?? -1) > journal.lastStep) {
      throw new ConfigError(
        `the Weights & Biases run ${run} of project "${project}" holds ${lines} lines that were not sent from ${this.#options.folder}; use another runId (in a copied run folder: remove wandb/)`,
      );
    }
    const place = await client.upsert({
      project,
      entity,
      run,
      group,
      config,
      // Somebody may have given it another name by now.
      displayName: found === undefined ? this.#displayName(generation) : undefined,
    });
    onPlace(place);
    this.#connection = { place, generation, at, values: { ...values }, last };
  }

  /** Begins to send what is saved. Never throws: what fails is said, and waits. */
  send(): void {
    if (this.#queued) return;
    this.#queued = true;
    void this.#inTurn(() => {
      this.#queued = false;
      return this.#try(() => this.#sendRows(false));
    });
  }

  /** Sends nothing from now on, and says why. */
  stop(reason: string): void {
    const { folder, onNote } = this.#options;
    this.#stopped = true;
    onNote(`nothing more is sent to Weights & Biases: ${reason}; it waits in ${folder} for the next start`);
  }

  idle(): Promise<void> {
    return this.#sending;
  }

  /** A sign of life; sending rows is one too. */
  live(): void {
    const connection = this.#connection;
    if (this.#busy > 0 || connection === undefined || this.#stopped) return;
    // One that gets lost changes nothing.
    void this.#inTurn(() => this.#options.client.stream(connection.place).catch(() => undefined));
  }

  /** Sends what is left, everything when it ends well, and the exit code. */
  end(exitCode: number): Promise<void> {
    const { client, journal } = this.#options;
    return this.#inTurn(() =>
      this.#try(async () => {
        const connection = await this.#sendRows(exitCode === 0);
        const summary = summaryLine(connection.values, connection.last);
        await client.stream(connection.place, { summary, exitCode });
        await journal.ended(exitCode);
      }),
    );
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#busy++;
    this.#sending = this.#sending.then(work).finally(() => this.#busy--);
    return this.#sending;
  }

  async #try(work: () => Promise<unknown>): Promise<void> {
    if (this.#stopped) return;
    const { folder, onNote } = this.#options;
    try {
      await work();
      this.#saidAway = false;
    } catch (error) {
      this.#connection = undefined; // asked anew: an answer that got lost may have been a yes
      if (error instanceof WandbAwayError) {
        if (!this.#saidAway) onNote(`${error.message}; what the run tells waits in ${folder} and is sent later`);
        this.#saidAway = true;
        return;
      }
      this.stop((error as Error).message);
    }
  }

  async #sendRows(everything: boolean): Promise<Connection> {
    const { client, journal } = this.#options;
    let refusals = 0;
    for (;;) {
      if (this.#connection?.generation !== journal.state.generation) {
        await this.#tellLeft();
        await this.connect();
      }
      const connection = this.#connection!;
      const batch = await journal.offer(connection.at, everything);
      if (batch.generation !== connection.generation) continue;
      if (batch.rows.length === 0) return connection;
      try {
        await this.#sendBatch(client, connection, batch);
      } catch (error) {
        // It may have had these lines already: then it says so when it is asked, and nothing is lost.
        if (!(error instanceof WandbRefusedError) || ++refusals > 1) throw error;
        const before = connection.at.rows;
        await this.connect();
        if (this.#connection?.at.rows === before) throw error;
      }
    }
  }

  async #sendBatch(client: WandbClient, connection: Connection, { rows, end }: JournalBatch): Promise<void> {
    const files = await this.#media(rows);
    await client.upload(connection.place, files);
    const values = { ...connection.values };
    for (const row of rows) Object.assign(values, row.values);
    const last = rows.at(-1);
    await client.stream(connection.place, {
      history: { offset: connection.at.rows, lines: rows.map(historyLine) },
      summary: summaryLine(values, last),
      uploaded: [...files.keys()],
    });
    Object.assign(connection.values, values);
    connection.at = end;
    connection.last = last;
  }

  async #media(rows: readonly WandbRow[]): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const { values } of rows) {
      for (const value of Object.values(values)) {
        if (typeof value !== "object") continue;
        const file = path.join(this.#options.folder, ...value.path.split("/"));
        const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== "ENOENT") throw error;
          this.#options.onNote(`${file} is gone, so Weights & Biases cannot show it`);
        });
        if (bytes !== undefined) files.set(value.path, bytes);
      }
    }
    return files;
  }

  /** Ends the runs whose rows had to be taken back, and says so in their names. */
  async #tellLeft(): Promise<void> {
    const { client, journal, project, entity } = this.#options;
    for (const { generation, step, told } of journal.state.left) {
      if (told) continue;
      const run = this.#runId(generation);
      const next = this.#runId(generation + 1);
      const place = await client.upsert({
        project,
        entity,
        run,
        displayName: `${this.#displayName(generation)} (left at step ${step})`,
        notes: `The training went on from a checkpoint before step ${step}; the whole history is in run ${next}.`,
      });
      await client.stream(place, { exitCode: 1 });
      await journal.toldLeft(generation);
    }
  }

  #runId(generation: number): string {
    return generation === 1 ? this.#options.runId : `${this.#options.runId}-${generation}`;
  }

  #displayName(generation: number): string {
    const { name, runId } = this.#options;
    return generation === 1 ? (name ?? runId) : `${name ?? runId} (${generation})`;
  }
}
