// A measured process: requests go in as lines, answers come back as lines of JSON.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

/** What one run of a work cost. */
export interface Sample {
  readonly milliseconds: number;
  /** Milliseconds of all cores together. */
  readonly cpu: number;
  /** Mean magnitude of the result, to see that both sides computed the same. */
  readonly value: number;
  /** Largest resident set of the process so far. */
  readonly peakBytes: number;
}

export class MeasuredProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, [...args], { stdio: ["pipe", "pipe", "inherit"] });
    const lines: Interface = createInterface({ input: this.#child.stdout! });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** Starts a process and waits until it says that it is ready. Throws when it ends before. */
  static async start(command: string, args: readonly string[]): Promise<MeasuredProcess> {
    const started = new MeasuredProcess(command, args);
    await started.#answer();
    return started;
  }

  async run(): Promise<Sample> {
    this.#child.stdin!.write("run\n");
    return (await this.#answer()) as Sample;
  }

  /** Ends the process and returns what it still said. */
  async end(): Promise<object[]> {
    this.#child.stdin!.end("end\n");
    const rest: object[] = [];
    for (let next = await this.#lines.next(); next.done !== true; next = await this.#lines.next()) {
      rest.push(JSON.parse(next.value) as object);
    }
    return rest;
  }

  kill(): void {
    this.#child.kill();
  }

  async #answer(): Promise<object> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error(`"${this.#child.spawnargs.join(" ")}" ended without an answer`);
    return JSON.parse(next.value) as object;
  }
}
