import { ConfigError } from "@noisereel/core";
import { expect, it } from "vitest";
import { reportError, StoppedError } from "./errors.js";

async function report(error: unknown, verbose = false): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await reportError(error, { note: (line) => lines.push(line), verbose });
  return { code, lines };
}

it("shows our errors as one line", async () => {
  expect(await report(new ConfigError("steps is -1; use at least 1"))).toEqual({
    code: 1,
    lines: ["error: steps is -1; use at least 1"],
  });
});

it("translates what the operating system says", async () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  expect(await report(full)).toEqual({
    code: 1,
    lines: ["error: the disk is full; free some space and run the same command again"],
  });
  const denied = Object.assign(new Error("EACCES"), { code: "EACCES", path: "/root/x" });
  expect((await report(denied)).lines[0]).toMatch(/^error: \/root\/x: no permission; choose another folder/);
});

it("calls everything else a bug and shows the stack only on demand", async () => {
  const bug = new TypeError("x is undefined", { cause: new Error("deeper") });
  expect((await report(bug)).lines).toEqual([
    "error: x is undefined",
    "This looks like a bug of noisereel; --verbose shows where it happened.",
  ]);
  const verbose = (await report(bug, true)).lines.join("\n");
  expect(verbose).toContain("errors.test.ts");
  expect(verbose).toContain("caused by Error: deeper");
});

it("ends a stopped run with the code it was given", async () => {
  expect(await report(new StoppedError("Stopped.", 0))).toEqual({ code: 0, lines: ["Stopped."] });
});
