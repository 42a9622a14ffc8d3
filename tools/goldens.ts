// `npm run goldens -- DIR`: runs every case of a golden folder and prints one line for each.
import { onnxExecutor } from "@noisereel/compile";
import { eagerExecutor } from "@noisereel/core";
import { formatGoldenResult, runGoldens } from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import { parseArgs } from "node:util";
import { goldenRunners } from "./golden-runners.js";

const help = `Usage: npm run goldens -- DIR [--executor eager|onnx] [--only ID]

Runs every case of a golden folder by its manifest.json and prints one line a case: id, executor, pass or fail, the
largest error in units of its tolerance, seconds. Exits 1 unless every case passed.

  --executor NAME  eager (tfjs on the cpu backend) or onnx (compiled). Default onnx.
  --only ID        only the case of this id.

Examples
  npm run goldens -- packages/causal-vae/test/goldens
  npm run goldens -- packages/diffusion/test/goldens --executor eager --only t2v_video
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      executor: { type: "string", default: "onnx" },
      only: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || positionals.length !== 1) {
    process.stdout.write(help);
    return values.help ? 0 : 2;
  }
  const executors = { eager: eagerExecutor, onnx: onnxExecutor };
  const make = executors[values.executor as keyof typeof executors];
  if (make === undefined)
    throw new Error(`--executor is "${values.executor}"; use one of ${Object.keys(executors).join(", ")}`);
  tf.enableProdMode();
  await tf.setBackend("cpu");
  const counts = { passed: 0, failed: 0, "no runner": 0 };
  for await (const result of runGoldens({
    folder: positionals[0]!,
    runners: goldenRunners,
    executor: make(),
    only: values.only,
  })) {
    counts[result.status]++;
    process.stdout.write(`${formatGoldenResult(result, values.executor)}\n`);
  }
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts["no runner"]} without a runner\n`);
  return counts.passed > 0 && counts.failed + counts["no runner"] === 0 ? 0 : 1;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  return 2;
});
