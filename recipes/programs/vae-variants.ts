// Runs the comparison and tells what it does; a stopped one goes on where it was:
//   npx tsx -C @noisereel/source recipes/programs/vae-variants.ts [--out FOLDER] [--fresh]
import { experimentCall } from "../vae-experiments/console.js";
import { runVaeVariants } from "../vae-variants.js";

const call = experimentCall("runs/vae-variants");
const report = await runVaeVariants(call);
for (const { variant, seed, start, whole, heldOut } of report.results) {
  const told = [start, whole, heldOut].map(
    ({ psnr, change }) => `${psnr.toFixed(2)} dB, change ${change.amount.toFixed(3)}, kept ${change.kept.toFixed(3)}`,
  );
  console.log(`${variant}, seed ${seed}: at the start ${told[0]}; whole clips ${told[1]}; held out ${told[2]}`);
}
for (const { psnr, change } of report.images) {
  console.log(`image VAE: ${psnr.toFixed(2)} dB, change ${change.amount.toFixed(3)}, kept ${change.kept.toFixed(3)}`);
}
console.log(`${call.folder}/report.html`);
