// `npm run bench:recompute`: what computing activations again saves in a training step, and what it costs.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleServer } from "./bundle.js";
import { MeasuredProcess, type Sample } from "./child.js";

const rounds = 6;

async function main(): Promise<void> {
  const server = await bundleServer();
  const folder = await mkdtemp(join(tmpdir(), "noisereel-recompute-"));
  const running: MeasuredProcess[] = [];
  try {
    const file = join(folder, "work.safetensors");
    execFileSync(process.execPath, [server, "plain", file, "--write"]);
    const samples: Record<"plain" | "recompute", Sample[]> = { plain: [], recompute: [] };
    const plain = await MeasuredProcess.start(process.execPath, [server, "plain", file]);
    running.push(plain);
    const recompute = await MeasuredProcess.start(process.execPath, [server, "recompute", file]);
    running.push(recompute);
    for (let round = 0; round < rounds; round++) {
      samples.plain.push(await plain.run());
      samples.recompute.push(await recompute.run());
    }
    if (samples.plain.at(-1)!.value !== samples.recompute.at(-1)!.value) {
      throw new Error("the losses differ: recomputation must not change a result");
    }
    process.stdout.write(
      "| training step of 8 Latte layers, width 256, 5x16x16 tokens | ms | peak MiB |\n| --- | --- | --- |\n",
    );
    for (const [name, all] of Object.entries(samples)) {
      const fastest = Math.min(...all.slice(1).map(({ milliseconds }) => milliseconds));
      process.stdout.write(`| ${name} | ${fastest.toFixed(0)} | ${Math.round(all.at(-1)!.peakBytes / 2 ** 20)} |\n`);
    }
  } finally {
    for (const process of running) process.kill();
    await rm(folder, { recursive: true, force: true });
    await rm(server, { force: true });
  }
}

await main();
