// How fast one machine prepares clips, and what follows for many:
//   npx tsx -C @noisereel/source packages/data/bench/preparation.ts [--rounds 6]
// Each round checks, measures and cuts the shipped clips (256x256, 33 to 65 frames), each round in another order of the three.
import path from "node:path";
import { parseArgs } from "node:util";
import { checkManifest, cutVideo, measureEntries, readManifest } from "../src/index.js";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "6" } } });
const rounds = Number(values.rounds);
const file = path.resolve(import.meta.dirname, "../../../clips/manifest.jsonl");

async function main(): Promise<void> {
  const { entries } = await readManifest(file);
  const works: Readonly<Record<string, () => Promise<unknown>>> = {
    check: () => checkManifest(file, { thumbnails: true }),
    filter: () => measureEntries(entries),
    cut: async () => {
      for (const entry of entries) await cutVideo(entry.path);
    },
  };
  const names = Object.keys(works);
  const seconds: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round + names.length) % names.length]!;
      const begun = performance.now();
      await works[name]!();
      if (round >= 0) seconds[name]!.push((performance.now() - begun) / 1000); // the first one warms up
    }
  }
  console.log("step     clips/s   434,000 clips   on 64   100 million   on 1,000");
  for (const name of names) {
    const clipsPerSecond = entries.length / median(seconds[name]!);
    const hours = (clips: number, machines: number): string => {
      const value = clips / clipsPerSecond / machines / 3600;
      return `${value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en")} h`;
    };
    const cells = [hours(434_000, 1), hours(434_000, 64), hours(1e8, 1), hours(1e8, 1000)];
    const [one, some, large, many] = cells as [string, string, string, string];
    console.log(
      name.padEnd(9) + clipsPerSecond.toFixed(1).padEnd(10) + one.padEnd(16) + some.padEnd(8) + large.padEnd(14) + many,
    );
  }
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

void main();
