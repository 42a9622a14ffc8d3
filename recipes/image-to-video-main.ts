// Trains a denoiser that goes on from given frames, and tells how well it keeps them:
//   npx tsx -C @noisereel/source recipes/image-to-video-main.ts [run] [folder]
import { enableProdMode } from "@tensorflow/tfjs";
import { imageToVideoTable } from "./image-to-video-report.js";
import { runImageToVideo } from "./image-to-video.js";
import { eventPrinter } from "./vae-experiment-console.js";

enableProdMode();
const controller = new AbortController();
process.once("SIGINT", () => controller.abort(new Error("stopped")));
const [run = "runs/quickstart", folder = "runs/image-to-video"] = process.argv.slice(2);
const report = await runImageToVideo({ run, folder, signal: controller.signal, onEvent: eventPrinter() });
console.log(imageToVideoTable(report));
console.log(`${folder}/report.html`);
