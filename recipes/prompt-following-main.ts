// Runs the comparison and tells what it does:
//   npx tsx -C @noisereel/source recipes/prompt-following-main.ts [run] [folder] [seeds]
import { enableProdMode } from "@tensorflow/tfjs";
import { promptFollowingTable } from "./prompt-following-report.js";
import { runPromptFollowing } from "./prompt-following.js";
import { eventPrinter } from "./vae-experiment-console.js";

enableProdMode();
const controller = new AbortController();
process.once("SIGINT", () => controller.abort(new Error("stopped")));
const [run = "runs/quickstart", folder = "runs/prompt-following", seeds = "1"] = process.argv.slice(2);
const report = await runPromptFollowing({
  run,
  folder,
  seeds: Number(seeds),
  signal: controller.signal,
  onEvent: eventPrinter(),
});
console.log(promptFollowingTable(report));
console.log(`${folder}/report.html`);
