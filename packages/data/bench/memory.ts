// Resident memory while clips are drawn through the loader, decoded from the shipped files each time:
//   npm run build && npx tsx packages/data/bench/memory.ts [--clips 10000] [--workers 0]
// Prints it every tenth part, and how much the second half grew by.
import path from "node:path";
import { parseArgs } from "node:util";
import { createRng } from "@noisereel/core";
import { clipToTensor, createLoader } from "@noisereel/data";
import { createPipeline } from "./pipeline.js";

const { values } = parseArgs({
  options: { clips: { type: "string", default: "10000" }, workers: { type: "string", default: "0" } },
});
const [clips, workers] = [values.clips, values.workers].map(Number) as [number, number];
const batchSize = 4;
const manifest = path.resolve(import.meta.dirname, "../../../clips/manifest.jsonl");
const data = { manifest, frames: 5, size: 64, resizer: "reference" as const };
const execArgv = ["--import", new URL("../test/register-tsx.mjs", import.meta.url).href];

async function main(): Promise<void> {
  const loader = createLoader({
    ...(await createPipeline(data)),
    batchSize,
    rng: createRng(0),
    workers: { count: workers, module: new URL("./pipeline.ts", import.meta.url), data, execArgv },
  });
  const measured: number[] = [];
  const begun = performance.now();
  for await (const { step, examples } of loader.batches()) {
    clipToTensor(examples.map(({ video }) => video)).dispose(); // [B, T, H, W, 3]
    const drawn = (step + 1) * batchSize;
    const parts = Math.floor((10 * drawn) / clips);
    if (parts > measured.length) {
      measured.push(process.memoryUsage().rss / 2 ** 20);
      console.log(`${drawn} clips: ${measured.at(-1)!.toFixed(0)} MiB, ${rate(drawn, begun)} clips/s`);
    }
    if (drawn >= clips) break;
  }
  await loader.close();
  const half = measured.slice(5);
  console.log(`from ${clips / 2} to ${clips} clips: ${(half.at(-1)! - measured[4]!).toFixed(0)} MiB more`);
}

const rate = (drawn: number, begun: number): string => ((1000 * drawn) / (performance.now() - begun)).toFixed(1);

void main();
