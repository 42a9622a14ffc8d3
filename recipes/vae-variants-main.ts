// Runs the comparison and tells what it does; a stopped one goes on where it was:
//   npx tsx -C @noisereel/source recipes/vae-variants-main.ts [--out FOLDER] [--fresh]
import { experimentCall } from "./vae-experiment-console.js";
import { runVaeVariants } from "./vae-variants.js";

const call = experimentCall("runs/vae-variants");
const report = await runVaeVariants(call);
for (const { variant, seed, whole, heldOut } of report.results) {
  const told = [whole, heldOut].map(
    ({ psnr, change }) => `${psnr.toFixed(2)} dB, change ${change.amount.toFixed(3)}, kept ${change.kept.toFixed(3)}`,
  );
  console.log(`${variant}, seed ${seed}: whole clips ${told[0]}; held out ${told[1]}`);
}
console.log(`${call.folder}/report.html`);
