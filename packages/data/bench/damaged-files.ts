// Reads damaged videos, images and manifests the way `noisereel data check` does, and counts what came of them:
//   npx tsx -C @noisereel/source packages/data/bench/damaged-files.ts [count] [first]
// Ends with 1 when one of them crashed, hung for more than ten seconds, or failed without a reason.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type DamageResult, readDamaged, soundFiles } from "../test/damage.js";

async function main(): Promise<number> {
  const [count = 2000, first = 0] = process.argv.slice(2).map(Number);
  const folder = await mkdtemp(path.join(tmpdir(), "noisereel-damage-"));
  const results: DamageResult[] = [];
  try {
    const sound = await soundFiles(folder);
    for (let number = first; number < first + count; number++) {
      const inner = await mkdtemp(path.join(folder, "one-"));
      const result = await readDamaged(sound, number, inner);
      results.push(result);
      if (result.outcome !== "read" && result.outcome !== "told") console.log(number, result);
      await rm(inner, { recursive: true });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const counts: Record<string, number> = {};
  for (const { outcome } of results) counts[outcome] = (counts[outcome] ?? 0) + 1;
  const slowest = Math.max(...results.map(({ seconds }) => seconds));
  console.log(`${results.length} files: ${JSON.stringify(counts)}, slowest ${slowest.toFixed(1)} s`);
  return results.some(({ outcome }) => outcome !== "read" && outcome !== "told") ? 1 : 0;
}

void main().then((code) => (process.exitCode = code));
