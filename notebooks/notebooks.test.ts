// Every notebook runs from its first to its last cell, each in a process of its own.
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const folder = import.meta.dirname;
const runner = path.join(folder, "run-notebook.cjs");
const notebooks = readdirSync(folder).filter((name) => name.endsWith(".ipynb"));

it("has what notebooks need", () => {
  const tslab = path.join(folder, "node_modules", "tslab");
  expect(existsSync(tslab), "tslab is missing; run: npm ci --prefix notebooks").toBe(true);
  const built = path.join(folder, "..", "packages", "core", "dist", "index.js");
  expect(existsSync(built), "packages are not built; run: npm run build").toBe(true);
  expect(notebooks.length).toBeGreaterThan(0);
});

it.each(notebooks)("%s runs", { timeout: 300_000 }, async (name) => {
  await promisify(execFile)(process.execPath, [runner, path.join(folder, name)], { cwd: folder }).catch(
    (error: { readonly stdout: string; readonly stderr: string }) => {
      throw new Error(`${name}: ${error.stderr}\n${error.stdout}`);
    },
  );
});
