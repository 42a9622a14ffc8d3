// Clips a second from files to batches of tensors, against PyAV with torch when a Python that has both is given:
//   npm run build && npx tsx packages/data/bench/loader.ts [--python PATH] [--workers 0] [--batches 24] [--size 192]
//     [--resizer reference | sharp] [--decode whole | needed]
// It measures the built packages, as users have them. Ours and theirs take turns; the medians of the rounds are compared.
// `--decode` is what PyAV decodes: whole clips, as the reference's loader does, or up to the last frame that the crop takes,
// as ours does.
import { execFile } from "node:child_process";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import { createRng } from "@noisereel/core";
import { clipToTensor, createLoader } from "@noisereel/data";
import { createPipeline } from "./pipeline.js";

const root = path.resolve(import.meta.dirname, "../../..");
const { values } = parseArgs({
  options: {
    python: { type: "string" },
    workers: { type: "string", default: "0" },
    batches: { type: "string", default: "24" },
    size: { type: "string", default: "192" },
    resizer: { type: "string", default: "reference" },
    decode: { type: "string", default: "whole" },
    rounds: { type: "string", default: "3" },
  },
});
const [workers, batches, size] = [values.workers, values.batches, values.size].map(Number) as [number, number, number];
const [frames, batch, warm] = [17, 4, 2];
const data = {
  manifest: path.join(root, "clips", "manifest.jsonl"),
  frames,
  size,
  resizer: values.resizer as "reference" | "sharp",
};

async function ours(): Promise<number> {
  const loader = createLoader({
    ...(await createPipeline(data)),
    batchSize: batch,
    rng: createRng(0),
    concurrency: workers === 0 ? 1 : 2,
    prefetch: workers === 0 ? 0 : 2,
    workers: { count: workers, module: new URL("./pipeline.ts", import.meta.url), data, execArgv: threadFlags },
  });
  let begun = 0;
  for await (const { step, examples } of loader.batches()) {
    clipToTensor(examples.map(({ video }) => video)).dispose(); // [B, T, H, W, 3]
    if (step === warm - 1) begun = performance.now();
    if (step === warm + batches - 1) break;
  }
  await loader.close();
  return (batches * batch) / ((performance.now() - begun) / 1000);
}
/** Threads read pipeline.ts. */
const threadFlags = ["--import", new URL("../test/register-tsx.mjs", import.meta.url).href];

async function theirs(python: string): Promise<number> {
  const script = path.join(root, "tools", "baselines", "data_loader.py");
  const numbers = { frames, size, batch, workers, batches };
  const args = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  args.push("--decode", values.decode);
  const { stdout } = await promisify(execFile)(python, [script, path.join(root, "clips"), ...args]);
  return (JSON.parse(stdout) as { clips_per_second: number }).clips_per_second;
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

async function main(): Promise<void> {
  const [own, other]: [number[], number[]] = [[], []];
  for (let round = 0; round < Number(values.rounds); round++) {
    own.push(await ours());
    if (values.python !== undefined) other.push(await theirs(values.python));
  }
  console.log(
    `noisereel: ${median(own).toFixed(2)} clips/s (${own.map((value) => value.toFixed(2)).join(", ")}), ${workers} workers`,
  );
  if (other.length === 0) return;
  console.log(
    `PyAV (${values.decode}) + torch: ${median(other).toFixed(2)} clips/s (${other.map((value) => value.toFixed(2)).join(", ")})`,
  );
  console.log(`ratio: ${(median(own) / median(other)).toFixed(2)}`);
}

void main();
