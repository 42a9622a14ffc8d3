// Trains a denoiser that goes on from given frames, and tells how well it keeps them:
//   npx tsx -C @noisereel/source recipes/programs/image-to-video.ts [--run FOLDER] [--out FOLDER]
import { enableProdMode } from "@tensorflow/tfjs";
import { parseArgs } from "node:util";
import { imageToVideoTable } from "../reports/image-to-video.js";
import { runImageToVideo } from "../image-to-video.js";
import { eventPrinter } from "../vae-experiments/console.js";

const { values } = parseArgs({
  options: {
    run: { type: "string", default: "runs/quickstart" },
    out: { type: "string", default: "runs/image-to-video" },
  },
});
enableProdMode();
const controller = new AbortController();
process.once("SIGINT", () => controller.abort(new Error("stopped; the same command goes on from here")));
const report = await runImageToVideo({
  run: values.run,
  folder: values.out,
  signal: controller.signal,
  onEvent: eventPrinter(),
});
console.log(imageToVideoTable(report));
console.log(`${values.out}/report.html`);
