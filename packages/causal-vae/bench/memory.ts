// Peak memory of decoding and encoding, each case in processes of its own: how it grows with length and frame size (the median
// of three), and what was estimated for it:
//   npx tsx -C @noisereel/source packages/causal-vae/bench/memory.ts [decode|encode]
import { onnxExecutor } from "@noisereel/compile";
import { createRng, initialize } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CausalVae, compiled, longVideo, streamed, tinyConfig } from "../src/index.js";

interface Case {
  readonly what: "decode" | "encode";
  readonly frames: number;
  readonly size: number;
  /** Side of a tile of a long video; left out, the whole clip is one pass. */
  readonly tileSize?: number;
}

interface Measured extends Case {
  /** The process at its largest, and before it coded anything. */
  readonly peakMiB: number;
  readonly startMiB: number;
  /** What `workingBytes` says. */
  readonly plannedMiB: number;
  readonly seconds: number;
}

const mebibyte = 2 ** 20;

/** The small model over noise; results are thrown away. */
async function runCase(given: Case): Promise<Measured> {
  const { what, frames, size, tileSize } = given;
  tf.enableProdMode();
  await tf.setBackend("cpu");
  const vae = new CausalVae(tinyConfig());
  initialize(vae, createRng(0));
  const latents = (): tf.Tensor5D =>
    createRng(1).normal([1, (frames - 1) / 4 + 1, size / 8, size / 8, vae.latentChannels]) as tf.Tensor5D;
  const noise = (count: number, { height, width }: { readonly height: number; readonly width: number }): tf.Tensor5D =>
    createRng(2).normal([1, count, height, width, 3]) as tf.Tensor5D;
  const executor = onnxExecutor();
  const startMiB = process.memoryUsage.rss() / mebibyte;
  const started = performance.now();
  const planned = await (tileSize === undefined ? onePass() : long(tileSize));
  const seconds = (performance.now() - started) / 1000;
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  return { ...given, peakMiB, startMiB, plannedMiB: planned[what] / mebibyte, seconds };

  async function onePass() {
    const coder = compiled(vae, executor);
    const input = what === "decode" ? latents() : noise(frames, { height: size, width: size });
    (await (what === "decode" ? coder.decodeLatents(input) : coder.moments(input))).dispose();
    return coder.workingBytes({ frames, height: size, width: size });
  }

  async function long(side: number) {
    const video = longVideo(streamed(vae, { executor, pieceFrames: 4 }), { tileSize: side });
    if (what === "decode") {
      for await (const piece of video.frames(latents())) piece.dispose();
    } else {
      const read = (_: number, count: number, region: { readonly height: number; readonly width: number }) =>
        noise(count, region);
      (await video.means({ frames, height: size, width: size, read })).dispose();
    }
    return video.workingBytes({ height: size, width: size });
  }
}

/** Runs this file again for one case, so many times; the one in the middle by its peak counts. */
function inProcesses(given: Case, repeats: number): Measured {
  const file = fileURLToPath(import.meta.url);
  const runs = Array.from({ length: repeats }, () => {
    const child = spawnSync(process.execPath, [...process.execArgv, file, JSON.stringify(given)], { encoding: "utf8" });
    if (child.status !== 0) throw new Error(child.stderr);
    return JSON.parse(child.stdout.trim().split("\n").at(-1)!) as Measured;
  }).toSorted((a, b) => a.peakMiB - b.peakMiB);
  const measured = runs[Math.floor(repeats / 2)]!;
  const { what, frames, size, tileSize, peakMiB, startMiB, plannedMiB, seconds } = measured;
  const tiles = tileSize === undefined ? "one pass" : size > tileSize ? `tiles of ${tileSize}` : "pieces, no tiles";
  const range = `${runs[0]!.peakMiB.toFixed(0)} to ${runs.at(-1)!.peakMiB.toFixed(0)}`;
  const coding = `${(peakMiB - startMiB).toFixed(0)} MiB of it for coding, ${plannedMiB.toFixed(0)} estimated`;
  console.log(
    `${what} ${frames} x ${size} x ${size}, ${tiles}: ${peakMiB.toFixed(0)} MiB (${range}), ${coding}, ${seconds.toFixed(0)} s`,
  );
  return measured;
}

function main(only: string | undefined): void {
  const compare = (name: string, [small, large]: readonly [Case, Case]): void => {
    const [before, after] = [inProcesses(small, 3), inProcesses(large, 3)];
    console.log(`  ${name}: peak x ${(after.peakMiB / before.peakMiB).toFixed(3)}`);
  };
  for (const what of ["decode", "encode"] as const) {
    if (only !== undefined && only !== what) continue;
    const long = { what, size: 128, tileSize: 128 };
    compare("10 times the frames", [
      { ...long, frames: 17 },
      { ...long, frames: 161 },
    ]);
    const wide = { what, frames: 9, tileSize: 96 };
    compare("4 times the pixels", [
      { ...wide, size: 192 },
      { ...wide, size: 384 },
    ]);
    for (const size of [128, 192]) inProcesses({ what, frames: 17, size }, 1);
    if (what === "decode") inProcesses({ what, frames: 257, size: 256, tileSize: 256 }, 1);
  }
}

const given = process.argv[2];
if (given?.startsWith("{")) console.log(JSON.stringify(await runCase(JSON.parse(given) as Case)));
else main(given);
