// Starting programs from a process that has little memory. A process that starts another is copied first, with the table of all
// its memory: with some hundred megabytes of frames that costs more than decoding a short clip.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import net from "node:net";
import { launcherProgram } from "./launcher-program.js";
import type { RunningProgram } from "./program.js";

export interface Launcher {
  launch(file: string, args: readonly string[]): RunningProgram;
  /** Ends the small process, and what it started. */
  stop(): void;
  readonly pid: number | undefined;
}

interface Report {
  readonly id: number;
  readonly code?: number | null;
  readonly error?: string;
  /** False when the program was never started. */
  readonly began?: boolean;
}

const pieceBytes = 2 ** 18;

let current: Promise<Launcher | undefined> | undefined;

/**
 * From now on this thread starts the programs that it reads from through a small process; itself, as before, where there can be
 * none, and on systems other than Linux, which start programs without copying.
 */
export function useLauncher(): void {
  if (process.platform !== "linux") return;
  const gone = (): void => void (current = undefined);
  current ??= startLauncher(gone).catch(() => undefined);
}

/** The small process of this thread, if it uses one. */
export const currentLauncher = async (): Promise<Launcher | undefined> => current;

/** Starts the small process. It ends with the thread that started it, and what it started with it. Linux only. */
export async function startLauncher(onGone: () => void = () => undefined): Promise<Launcher> {
  const [name, secret] = [`noisereel-${randomUUID()}`, randomUUID()];
  const address = `\0${name}`; // no file: it goes with the process
  const helper = spawn(process.execPath, ["-e", launcherProgram], {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    env: { ...process.env, NODE_OPTIONS: undefined, NOISEREEL_LAUNCHER: `${name} ${secret}` },
  });
  await Promise.race([
    once(helper, "message"),
    once(helper, "exit").then(() => Promise.reject(new Error("the process that starts others did not start"))),
  ]);
  helper.unref();
  helper.channel?.unref();
  const jobs = new Map<number, (report: Omit<Report, "id">) => void>();
  helper.on("message", ({ id, ...report }: Report) => {
    jobs.get(id)?.(report);
    jobs.delete(id);
    if (jobs.size === 0) helper.channel?.unref();
  });
  helper.on("error", () => undefined); // a message that cannot be sent any more: its end is told below
  helper.on("exit", () => {
    onGone();
    for (const tell of jobs.values()) tell({ error: "the process that started it ended" });
    jobs.clear();
  });
  let nextId = 0;
  return {
    pid: helper.pid,
    stop: () => void (helper.connected && helper.disconnect()),
    launch(file, args) {
      const id = nextId++;
      const launched = new LaunchedProgram(helper, { id, address, secret });
      jobs.set(id, (report) => launched.end(report));
      if (!helper.connected) queueMicrotask(() => launched.end({ error: "the process that starts others ended" }));
      else {
        helper.channel?.ref(); // a report is to come
        helper.send({ id, file, args, cwd: process.cwd() });
      }
      return launched;
    },
  };
}

class LaunchedProgram extends EventEmitter<{ error: [Error]; close: [number | null] }> implements RunningProgram {
  readonly stdin = undefined;
  readonly stderr: net.Socket;
  hasEnded = false;
  readonly #helper: ChildProcess;
  readonly #id: number;
  readonly #output: net.Socket;
  readonly #memory = Buffer.allocUnsafeSlow(pieceBytes);
  #piece: Buffer | undefined;
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(
    helper: ChildProcess,
    options: { readonly id: number; readonly address: string; readonly secret: string },
  ) {
    super();
    const { id, address, secret } = options;
    this.#helper = helper;
    this.#id = id;
    const callback = (bytes: number, memory: Uint8Array): boolean => {
      this.#piece = Buffer.from(memory.buffer, memory.byteOffset, bytes);
      this.#wake();
      return false; // reads no further until the piece is taken
    };
    this.#output = net.connect({ path: address, onread: { buffer: this.#memory, callback } });
    this.stderr = net.connect({ path: address });
    for (const [socket, name] of [
      [this.#output, "out"],
      [this.stderr, "err"],
    ] as const) {
      socket.on("error", () => undefined); // its end is told by "close"
      socket.write(`${secret} ${id} ${name}\n`);
    }
    this.#output.on("end", () => this.#finish()).on("close", () => this.#finish());
  }

  /** The program has ended; what it wrote may still be on its way. */
  end({ code = null, error, began = false }: Omit<Report, "id">): void {
    this.hasEnded = true;
    if (error !== undefined) this.emit("error", new Error(error));
    if (!began) {
      this.closeOutput();
      this.stderr.destroy();
    }
    const told = (): void => void this.emit("close", code);
    if (this.stderr.destroyed || this.stderr.readableEnded) told();
    else this.stderr.once("close", told);
  }

  pieces(): AsyncIterator<Buffer> {
    return {
      next: async () => {
        if (this.#piece === undefined && !this.#closed) {
          const arrived = new Promise<void>((resolve) => (this.#wake = resolve));
          this.#output.resume();
          await arrived;
        }
        const value = this.#piece;
        this.#piece = undefined;
        return value === undefined ? { done: true, value: undefined } : { done: false, value };
      },
    };
  }

  closeOutput(): void {
    this.kill(); // nobody sees what it does from here on
    this.#output.destroy();
    this.#finish();
  }

  kill(): void {
    if (!this.hasEnded && this.#helper.connected) this.#helper.send({ id: this.#id, kill: true });
  }

  #finish(): void {
    this.#closed = true;
    this.#wake();
  }
}
