// Runs the experiment and tells what it does:
//   npx tsx -C @noisereel/source recipes/vae-initialisation-main.ts [folder]
import { enableProdMode } from "@tensorflow/tfjs";
import { runVaeInitialisation } from "./vae-initialisation.js";

enableProdMode();
const controller = new AbortController();
process.once("SIGINT", () => controller.abort(new Error("stopped")));
const folder = process.argv[2] ?? "runs/vae-initialisation";
let shown = 0;
const report = await runVaeInitialisation({
  folder,
  signal: controller.signal,
  onEvent(event) {
    if (event.type === "phase-start") console.log(`${event.title}: ${event.count} ${event.unit}`);
    if (event.type === "phase-end") console.log(`  ${event.seconds.toFixed(0)} s`);
    if (event.type !== "phase-progress" || performance.now() - shown < 10_000) return;
    shown = performance.now();
    const left = event.etaSeconds === undefined ? "" : `, ${event.etaSeconds.toFixed(0)} s left`;
    console.log(`  ${event.done}/${event.count}${left}, loss ${event.values["vae"]?.toFixed(4)}`);
  },
});
for (const { init, before, after } of report.results) {
  const told = [before, after].map(({ psnr, movement }) => `${psnr.toFixed(2)} dB, movement ${movement.toFixed(3)}`);
  console.log(`${init}: before training ${told[0]}; after ${told[1]}`);
}
console.log(`image VAE: ${report.image.psnr.toFixed(2)} dB, movement ${report.image.movement.toFixed(3)}`);
console.log(`${folder}/report.html`);
