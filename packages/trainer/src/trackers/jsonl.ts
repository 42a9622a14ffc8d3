// One JSON object a line: the log that every tool reads.
import { ConfigError, type Tracker } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { appendFile, mkdir, readFile } from "node:fs/promises";
import path from "node:path";

/**
 * Appends `{"step":…, "<name>":…}` lines to `file`. The first line that is written, and one whose step is below the line
 * before it, drops those of its own step and later ones, and a torn last line, so that the file of a resumed or rolled back
 * run has every step once. Held-out losses of a step may follow its own line. Numbers that JSON does not
 * know (NaN, infinities) are written as text.
 */
export function jsonlTracker(file: string): Tracker {
  let last = -Infinity;
  return {
    name: "jsonl",
    async scalars(step, values) {
      if ("step" in values)
        throw new ConfigError('values has a scalar named "step"; rename it, the line has one already');
      if (last === -Infinity || step < last) await dropFrom(file, step);
      last = step;
      const entries = Object.entries(values).map(([name, value]) => [
        name,
        Number.isFinite(value) ? value : String(value),
      ]);
      await appendFile(file, `${JSON.stringify({ step, ...Object.fromEntries(entries) })}\n`);
    },
  };
}

/** Leaves only the lines of steps before `step`. */
async function dropFrom(file: string, step: number): Promise<void> {
  const text = await readFile(file, "utf8").catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    await mkdir(path.dirname(file), { recursive: true });
    return "";
  });
  const kept = text.split("\n").filter((line) => stepOf(line) < step);
  const wanted = kept.map((line) => `${line}\n`).join("");
  if (wanted !== text) await writeFileAtomically(file, wanted);
}

/** The step of a line; infinite when it is torn or no line of ours. */
function stepOf(line: string): number {
  try {
    const { step } = JSON.parse(line) as { readonly step?: unknown };
    return typeof step === "number" ? step : Infinity;
  } catch {
    return Infinity;
  }
}
