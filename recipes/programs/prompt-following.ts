// Runs the comparison and tells what it does:
//   npx tsx -C @noisereel/source recipes/programs/prompt-following.ts [--run FOLDER] [--out FOLDER] [--seeds N] [--guidance SCALE]
import { enableProdMode } from "@tensorflow/tfjs";
import { parseArgs } from "node:util";
import { promptFollowingTable } from "../reports/prompt-following.js";
import { runPromptFollowing } from "../prompt-following.js";
import { eventPrinter } from "../vae-experiments/console.js";

const { values } = parseArgs({
  options: {
    run: { type: "string", default: "runs/quickstart" },
    out: { type: "string", default: "runs/prompt-following" },
    seeds: { type: "string", default: "1" },
    guidance: { type: "string" },
  },
});
enableProdMode();
const controller = new AbortController();
process.once("SIGINT", () => controller.abort(new Error("stopped; the same command goes on from here")));
const report = await runPromptFollowing({
  run: values.run,
  folder: values.out,
  seeds: Number(values.seeds),
  ...(values.guidance === undefined ? {} : { guidanceScale: Number(values.guidance) }),
  signal: controller.signal,
  onEvent: eventPrinter(),
});
console.log(promptFollowingTable(report));
console.log(`${values.out}/report.html`);
