// Runs the experiment and tells what it does; a stopped one goes on where it was:
//   npx tsx -C @noisereel/source recipes/programs/vae-initialisation.ts [--out FOLDER] [--fresh]
import { experimentCall } from "../vae-experiments/console.js";
import { runVaeInitialisation } from "../vae-initialisation.js";

const call = experimentCall("runs/vae-initialisation");
const report = await runVaeInitialisation(call);
for (const { init, before, after } of report.results) {
  const told = [before, after].map(({ psnr, movement }) => `${psnr.toFixed(2)} dB, movement ${movement.toFixed(3)}`);
  console.log(`${init}: before training ${told[0]}; after ${told[1]}`);
}
console.log(`image VAE: ${report.image.psnr.toFixed(2)} dB, movement ${report.image.movement.toFixed(3)}`);
console.log(`${call.folder}/report.html`);
