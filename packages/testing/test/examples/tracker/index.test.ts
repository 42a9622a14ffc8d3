import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "vitest";
import { describeTracker } from "../../../src/index.js";
import { csvTracker } from "./index.js";

describeTracker(
  "csv",
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "csv-"));
    const file = path.join(folder, "run.csv");
    return {
      open: () => csvTracker(file),
      async read() {
        const text = await readFile(file, "utf8").catch(() => "");
        const rows = text.split("\n").filter((line) => line !== "");
        return rows.map((line) => {
          const [step, name, value] = line.split(",");
          return { step: Number(step), name: name!, value: Number(value) };
        });
      },
      dispose: () => rm(folder, { recursive: true }),
    };
  },
  { describe, it },
);
