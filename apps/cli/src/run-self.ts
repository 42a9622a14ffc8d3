// The command again, in a process of its own: memory that one measurement took must not be part of the next one's.
import { BackendError } from "@noisereel/core";
import { spawn } from "node:child_process";

/** Runs this command with other arguments and returns what it prints. Throws with its last words when it fails. */
export function runSelf(args: readonly string[], { signal }: { readonly signal: AbortSignal }): Promise<string> {
  const [script] = process.argv.slice(1);
  const child = spawn(process.execPath, [...process.execArgv, script!, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) return resolve(out);
      const lastLine = err.trim().split("\n").at(-1) ?? "";
      reject(new BackendError(lastLine.replace(/^error: /, "") || `a process ended with code ${code}`));
    });
  });
}
