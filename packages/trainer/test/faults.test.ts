import { createRng } from "@noisereel/core";
import { adamW, ema, fit, latestCheckpoint, train } from "@noisereel/trainer";
import { folderStore } from "@noisereel/trainer/node";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Crash, crashes, type CrashKind, faultyStore } from "./faulty-store.js";
import { draw, fingerprint, points, regression } from "./tiny-task.js";

const data = points(16);
const totalSteps = 10;

let folder = "";
beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "faults-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A process: new objects, the same folder. */
function makeRun() {
  const { task, model } = regression();
  const average = ema({ model }, { decay: 0.9 });
  const options = { task, items: draw(data), optimizer: adamW(), learningRate: 0.01, ema: average, totalSteps };
  return { model, average, options: { ...options, rng: createRng(3), saveEvery: 2 } };
}

async function bits({ model, average }: ReturnType<typeof makeRun>): Promise<string> {
  const weights = await fingerprint(model);
  average.swap();
  return weights + (await fingerprint(model));
}

async function undisturbed(): Promise<string> {
  const run = makeRun();
  await fit({ ...run.options, saveEvery: undefined });
  return bits(run);
}

test("100 crashes, between saves and in every part of them, lose nothing and change no bit", async () => {
  const expected = await undisturbed();
  const rng = createRng(17);
  const seen = new Map<string, number>();
  let saved = 0;
  for (let crash = 0, runs = 0; crash < 100; crash++) {
    const store = path.join(folder, String(runs));
    const run = makeRun();
    // A third while saving, the others between two steps.
    const kind: CrashKind | "between" = crash % 3 === 0 ? crashes[(crash / 3) % crashes.length]! : "between";
    let countdown = rng.integer(3);
    const steps = train({
      ...run.options,
      store: faultyStore(store, () => (kind !== "between" && countdown-- === 0 ? kind : undefined)),
    });
    let ended = false;
    try {
      for (let left = kind === "between" ? 1 + rng.integer(3) : Infinity; left > 0; left--) {
        const next = await steps.next();
        if (next.done === true) {
          ended = true;
          break;
        }
      }
    } catch (error) {
      expect(error).toBeInstanceOf(Crash);
    }
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    if (ended) {
      expect(await bits(run)).toBe(expected);
      runs++;
      saved = 0;
      continue;
    }
    // What was saved before is there, or something newer.
    const latest = Number((await latestCheckpoint(folderStore(store)))?.checkpoint.meta["step"] ?? 0);
    expect(latest).toBeGreaterThanOrEqual(saved);
    saved = latest;
  }
  for (const kind of [...crashes, "between"]) expect(seen.get(kind)).toBeGreaterThan(3);
  const last = makeRun();
  await fit({ ...last.options, store: folderStore(path.join(folder, "0"), { keep: 2 }) });
  expect(await bits(last)).toBe(expected);
});
