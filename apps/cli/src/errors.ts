// Errors as one sentence and an exit code.
import { CommanderError } from "commander";

/** What the process ends with. */
export const exitCodes = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** The run did what it could and the rest was stopped by the user. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** What the operating system says, in words that name a remedy. */
const systemErrors: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space and run the same command again",
  EDQUOT: "the disk quota is used up; free some space and run the same command again",
  EACCES: "no permission; choose another folder or change its permissions",
  EPERM: "not permitted; choose another folder or change its permissions",
  EROFS: "the file system is read-only; choose another folder",
  EMFILE: "too many open files; raise the limit (ulimit -n)",
  ENOENT: "no such file or folder; check the path",
  ENOTDIR: "a part of the path is a file, not a folder; choose another path",
  EISDIR: "it is a folder, not a file; choose another path",
};

/** The sentence to show. `expected` is false for what can only be a bug of ours. */
export async function describeError(error: unknown): Promise<{ readonly message: string; readonly expected: boolean }> {
  const { NoisereelError } = await import("@noisereel/core"); // not before there is an error: it loads tfjs
  if (NoisereelError.isInstance(error)) return { message: (error as Error).message, expected: true };
  if (error instanceof Error) {
    const { code, path } = error as NodeJS.ErrnoException;
    const known = code === undefined ? undefined : systemErrors[code];
    if (known !== undefined) return { message: path === undefined ? known : `${path}: ${known}`, expected: true };
    return { message: error.message === "" ? error.name : error.message, expected: false };
  }
  return { message: String(error), expected: false };
}

/** Writes what there is to say about `error` and returns the exit code. */
export async function reportError(
  error: unknown,
  options: { readonly note: (line: string) => void; readonly verbose: boolean },
): Promise<number> {
  const { note, verbose } = options;
  // commander has written its sentence already; 0 is --help and --version
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
  if (error instanceof StoppedError) {
    note(error.message);
    return error.exitCode;
  }
  const { message, expected } = await describeError(error);
  note(`error: ${message}`);
  if (verbose) note(stackOf(error));
  else if (!expected) note("This looks like a bug of noisereel; --verbose shows where it happened.");
  return exitCodes.failure;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const cause = stackOf(error.cause);
  return `${error.stack ?? error.message}${cause === "" ? "" : `\ncaused by ${cause}`}`;
}
