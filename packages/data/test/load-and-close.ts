// Loads batches in threads, closes while more are read ahead, and says so: run by close.test.ts as a process of its own.
import { createRng } from "@noisereel/core";
import { createLoader } from "../src/index.js";
import { createPipeline } from "./pipeline.js";

async function main(): Promise<void> {
  const module = new URL("./pipeline.ts", import.meta.url);
  const loader = createLoader({
    ...(await createPipeline({})),
    batchSize: 2,
    rng: createRng(0),
    workers: { count: 2, module, data: {} },
  });
  for await (const { step } of loader.batches()) if (step === 1) break; // others are under way
  await loader.close();
  console.log("closed");
}

void main();
