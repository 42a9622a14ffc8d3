// Peak memory of decoding and encoding, each case in a process of its own, and how it grows with length and frame size:
//   npx tsx -C @noisereel/source packages/causal-vae/bench/memory.ts
import { onnxExecutor } from "@noisereel/compile";
import { createRng, initialize } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CausalVae, longVideo, streamed, tinyConfig } from "../src/index.js";

interface Case {
  readonly what: "decode" | "encode";
  readonly frames: number;
  readonly size: number;
  readonly tileSize: number;
}

interface Measured extends Case {
  readonly peakMiB: number;
  readonly seconds: number;
}

/** The small model over noise; results are read and thrown away. */
async function runCase({ what, frames, size, tileSize }: Case): Promise<Measured> {
  tf.enableProdMode();
  await tf.setBackend("cpu");
  const vae = new CausalVae(tinyConfig());
  initialize(vae, createRng(0));
  const coder = streamed(vae, { executor: onnxExecutor(), pieceFrames: 4 });
  const long = longVideo(coder, { tileSize });
  const started = performance.now();
  if (what === "decode") {
    const latents = createRng(1).normal([
      1,
      (frames - 1) / 4 + 1,
      size / 8,
      size / 8,
      vae.latentChannels,
    ]) as tf.Tensor5D;
    for await (const piece of long.frames(latents)) piece.dispose();
  } else {
    const read = (_: number, count: number, region: { readonly height: number; readonly width: number }): tf.Tensor5D =>
      createRng(2).normal([1, count, region.height, region.width, 3]) as tf.Tensor5D;
    (await long.means({ frames, height: size, width: size, read })).dispose();
  }
  const seconds = (performance.now() - started) / 1000;
  return { what, frames, size, tileSize, peakMiB: process.resourceUsage().maxRSS / 1024, seconds };
}

/** Runs this file again for one case. */
function inProcess(given: Case): Measured {
  const file = fileURLToPath(import.meta.url);
  const child = spawnSync(process.execPath, [...process.execArgv, file, JSON.stringify(given)], { encoding: "utf8" });
  if (child.status !== 0) throw new Error(child.stderr);
  const measured = JSON.parse(child.stdout.trim().split("\n").at(-1)!) as Measured;
  const { what, frames, size, tileSize, peakMiB, seconds } = measured;
  const tiles = size > tileSize ? `tiles of ${tileSize}` : "no tiles";
  console.log(`${what} ${frames} x ${size} x ${size}, ${tiles}: ${peakMiB.toFixed(0)} MiB, ${seconds.toFixed(0)} s`);
  return measured;
}

function main(): void {
  const ratio = (name: string, large: Measured, small: Measured): void =>
    console.log(`  ${name}: peak x ${(large.peakMiB / small.peakMiB).toFixed(3)}`);
  for (const what of ["decode", "encode"] as const) {
    const base = inProcess({ what, frames: 17, size: 128, tileSize: 128 });
    ratio("10 times the frames", inProcess({ what, frames: 161, size: 128, tileSize: 128 }), base);
    const tiled = inProcess({ what, frames: 9, size: 192, tileSize: 96 });
    ratio("4 times the pixels", inProcess({ what, frames: 9, size: 384, tileSize: 96 }), tiled);
  }
  inProcess({ what: "decode", frames: 257, size: 256, tileSize: 256 });
}

const given = process.argv[2];
if (given === undefined) main();
else console.log(JSON.stringify(await runCase(JSON.parse(given) as Case)));
