// 1,000 training steps: tensors, compiled shapes and memory must stay where they are.
import * as tf from "@tensorflow/tfjs";
import { compile } from "../src/index.js";
import { transformerStep } from "./workloads.js";

async function main(): Promise<void> {
  await tf.setBackend("cpu");
  const { name, step, inputs } = transformerStep(2, 128, 128, 4);
  const compiled = compile(step);
  process.stdout.write(
    `${name}\n\n| step | loss | tensors | compiled shapes | RSS MiB |\n| --- | --- | --- | --- | --- |\n`,
  );
  for (let count = 1; count <= 1000; count++) {
    const results = await compiled.run(inputs);
    const loss = (await results["loss"]!.data())[0]!;
    tf.dispose(results);
    if (![1, 10, 100, 250, 500, 750, 1000].includes(count)) continue;
    const mebibytes = Math.round(process.memoryUsage().rss / 2 ** 20);
    const { numTensors } = tf.memory();
    process.stdout.write(
      `| ${count} | ${loss.toFixed(6)} | ${numTensors} | ${compiled.stats.length} | ${mebibytes} |\n`,
    );
  }
  compiled.dispose();
}

await main();
