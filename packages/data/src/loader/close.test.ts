// A program that does nothing but load goes on after `close`.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("what comes after close() runs, though no thread keeps the process alive", async () => {
  const script = path.resolve(import.meta.dirname, "../../test/load-and-close.ts");
  const register = new URL("../../test/register-tsx.mjs", import.meta.url).href;
  const flags = ["--import", register, "-C", "@noisereel/source"];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script]);
  expect(stdout).toContain("closed");
});
