// A running program as ffmpeg's wrapper sees it, whoever started it.
import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import type { Readable, Writable } from "node:stream";

export interface RunningProgram extends EventEmitter<{ error: [Error]; close: [number | null] }> {
  /** Undefined when the program has nothing to read. */
  readonly stdin: Writable | undefined;
  readonly stderr: Readable;
  /** Standard output, a piece at a time. A piece is gone when the next is asked for. */
  pieces(): AsyncIterator<Buffer>;
  /** Gives up reading standard output. */
  closeOutput(): void;
  kill(): void;
  readonly hasEnded: boolean;
}

/** Starts a program as a child of this process. */
export function startProgram(file: string, args: readonly string[]): RunningProgram {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], windowsHide: true });
  const events = new EventEmitter<{ error: [Error]; close: [number | null] }>();
  child.on("error", (error) => events.emit("error", error)).on("close", (code) => events.emit("close", code));
  const program = Object.assign(events, {
    stdin: child.stdin,
    stderr: child.stderr,
    pieces: () => (child.stdout as AsyncIterable<Buffer>)[Symbol.asyncIterator](),
    closeOutput: () => void child.stdout.destroy(),
    kill: () => void child.kill("SIGKILL"),
  });
  return Object.defineProperty(program as typeof program & { readonly hasEnded: boolean }, "hasEnded", {
    get: () => child.exitCode !== null || child.signalCode !== null,
  });
}
