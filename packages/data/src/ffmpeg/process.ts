// One ffmpeg child process: its output as a stream, its log read line by line, its end awaited whatever happens.
import type { Readable, Writable } from "node:stream";
import { ClipError } from "@noisereel/core";
import type { FilePart } from "../files.js";
import { findFfmpeg, type FfmpegOptions } from "./binary.js";
import { currentLauncher } from "./launcher.js";
import { startProgram } from "./program.js";

export interface ProcessOptions extends FfmpegOptions {
  readonly signal?: AbortSignal | undefined;
  /** Seconds without any output (or accepted input) after which the process is killed. Default 60. */
  readonly stallSeconds?: number | undefined;
}

export interface FfmpegProcess {
  /** Bytes of standard output; a piece is gone when the next is asked for. Leaving the loop early kills the process. */
  readonly output: AsyncIterable<Buffer>;
  /** Log lines so far that ffmpeg marked as errors, shortest useful form. */
  readonly errors: readonly string[];
  /** All log lines so far, at most the last 400. */
  readonly log: readonly string[];
  /** Waits until `find` sees in the log what it looks for, or the log has ended. */
  logged<Value>(find: (log: readonly string[]) => Value | undefined): Promise<Value | undefined>;
  /** Hands bytes to standard input and waits until there is room for more. False when the process no longer reads. */
  write(bytes: Uint8Array): Promise<boolean>;
  endInput(): void;
  /** Waits for the end; a `ClipError` unless the exit status is 0. */
  finish(): Promise<void>;
  /** Kills the process if it still runs and waits until it is gone. */
  stop(): Promise<void>;
}

const logLimit = 400;

/** Starts ffmpeg with `args`. `file` is what error messages name. */
export async function startFfmpeg(
  args: readonly string[],
  options: ProcessOptions & {
    readonly file: string;
    readonly action: "read" | "write";
    /** Sees each line of the log; a line for which it is true is not kept. */
    readonly onLine?: ((line: string) => boolean) | undefined;
  },
): Promise<FfmpegProcess> {
  const { signal, file, action, stallSeconds = 60 } = options;
  signal?.throwIfAborted();
  const binary = await findFfmpeg(options);
  const launcher = action === "read" ? await currentLauncher() : undefined; // what is written goes through a pipe of our own
  const all = ["-hide_banner", "-nostats", "-loglevel", "level+info", ...args];
  const child = launcher === undefined ? startProgram(binary.path, all) : launcher.launch(binary.path, all);
  const { stdin, stderr } = child;
  const log: string[] = [];
  const errors: string[] = [];
  readLines(stderr, (line) => {
    if (options.onLine?.(line) === true) return;
    log.push(line);
    if (log.length > logLimit) log.shift();
    const marked = /^(?:\[.*? @ .*?\] )?\[(?:error|fatal|panic)\] (.*)$/.exec(line);
    if (marked !== null && errors.length < logLimit) errors.push(marked[1]!);
  });
  let failure: Error | undefined;
  stdin?.on("error", () => undefined); // a process that ends early breaks the pipe; its exit status says why
  const closed = new Promise<number | null>((resolve) => {
    child.on("error", (cause) => {
      failure ??= new ClipError(`cannot ${action} ${file}: ${binary.path} does not start`, { path: file, cause });
    });
    child.on("close", resolve);
  });
  const kill = (reason: Error): void => {
    failure ??= reason;
    child.kill();
  };
  const onAbort = (): void => kill(signal!.reason as Error);
  signal?.addEventListener("abort", onAbort, { once: true });
  void closed.then(() => signal?.removeEventListener("abort", onAbort));

  const guarded = async <Value>(work: Promise<Value>, seconds = stallSeconds): Promise<Value> => {
    const timer = setTimeout(() => {
      kill(new ClipError(`cannot ${action} ${file}: ffmpeg did nothing for ${seconds} s`, { path: file }));
    }, seconds * 1000);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  };
  const finish = async (): Promise<void> => {
    stdin?.end();
    // An encoder that got its last frame may still have many in hand, and moves the index to the front of the file.
    const code = await guarded(closed, action === "write" ? 10 * stallSeconds : stallSeconds);
    if (failure !== undefined) throw failure;
    // A full disk can end an encoder with an error in its log and status 0.
    if (code !== 0 || (action === "write" && errors.length > 0)) {
      const reason = errors[0] ?? `ffmpeg ended with status ${code}`; // later errors are its consequences
      const hint = action === "read" ? "; the file is damaged, cut short or no video" : "";
      throw new ClipError(`cannot ${action} ${file}: ${reason.replace(/\.$/, "")}${hint}`, {
        path: file,
        cause: new Error(log.join("\n")),
      });
    }
  };
  const stop = async (): Promise<void> => {
    if (!child.hasEnded) child.kill();
    child.closeOutput();
    await closed;
  };
  async function* output(): AsyncGenerator<Buffer> {
    const chunks = child.pieces();
    let ended = false;
    try {
      for (;;) {
        const next = await guarded(chunks.next());
        if (next.done === true) break;
        yield next.value;
      }
      ended = failure === undefined;
      if (failure !== undefined) throw failure;
    } finally {
      if (!ended) await stop(); // the reader left early, or something failed
    }
  }
  const logged: FfmpegProcess["logged"] = (find) =>
    new Promise((resolve) => {
      // The log comes through another pipe than the frames and may arrive later.
      const look = (): void => {
        const found = find(log);
        if (found === undefined && !stderr.readableEnded && !stderr.destroyed) return;
        stderr.off("data", look).off("close", look);
        resolve(found);
      };
      stderr.on("data", look).on("close", look);
      look();
    });
  return {
    logged,
    output: output(),
    errors,
    log,
    async write(bytes) {
      if (stdin === undefined || child.hasEnded || stdin.destroyed) return false;
      if (stdin.write(bytes)) return true;
      return guarded(Promise.race([drained(stdin), closed.then(() => false)]));
    },
    endInput: () => void stdin?.end(),
    finish,
    stop,
  };
}

/** True when there is room again, false when the pipe was closed. */
const drained = (stdin: Writable): Promise<boolean> =>
  new Promise((resolve) => {
    const settle = (result: boolean) => (): void => {
      stdin.off("drain", onDrain).off("close", onClose);
      resolve(result);
    };
    const onDrain = settle(true);
    const onClose = settle(false);
    stdin.on("drain", onDrain).on("close", onClose);
  });

function readLines(stderr: Readable, onLine: (line: string) => void): void {
  let rest = "";
  stderr.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split(/\r?\n|\r/);
    rest = lines.pop()!.slice(-10_000);
    for (const line of lines) if (line.trim() !== "") onLine(line);
  });
  stderr.on("end", () => rest.trim() !== "" && onLine(rest));
}

/**
 * The arguments that open `file`, or a part of it, as an input: no other protocol, no playlist formats, one decoding
 * thread.
 */
export function inputArguments(file: string, part?: FilePart): string[] {
  const formats =
    "mov,mp4,matroska,webm,avi,gif,ogg,mpeg,mpegts,mpegvideo,m4v,h264,hevc,flv,asf,ivf,nut,yuv4mpegpipe,mxf,dv";
  const safe = [
    "-nostdin",
    "-threads",
    "1",
    "-protocol_whitelist",
    part === undefined ? "file,pipe" : "file,pipe,subfile",
    "-format_whitelist",
    formats,
  ];
  const range = part === undefined ? "" : `subfile,,start,${part.offset},end,${part.offset + part.bytes},,:`;
  return [...safe, "-i", `${range}file:${file}`, "-map", "0:v:0", "-an", "-sn", "-dn"];
}
