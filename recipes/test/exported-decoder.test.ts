// Runs the code of docs/guide/export-onnx.md: the exported decoder in plain ONNX Runtime, in Node and in a browser.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { CausalVae, causalConfig, compiled, savePretrained } from "@noisereel/causal-vae";
import { onnxExecutor } from "@noisereel/compile";
import { createRng, initialize, type LatentTensor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPage, whyNoBrowser } from "../../tools/browser.js";

const root = path.resolve(import.meta.dirname, "../..");
const shape = [1, 2, 8, 8, 4] as const;
const browserMissing = whyNoBrowser();
if (browserMissing !== undefined) console.warn(`the exported decoder is not tested in a browser: ${browserMissing}`);

let folder = "";
let latents = new Float32Array();
let eager = new Float32Array();
let throughExecutor = new Float32Array();

/** A process of its own, in the example's folder. */
async function node(...command: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: folder });
  return stdout;
}

function largestDifference(actual: ArrayLike<number>, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  return expected.reduce((largest, value, index) => Math.max(largest, Math.abs(value - actual[index]!)), 0);
}

beforeAll(async () => {
  await tf.setBackend("cpu");
  // Inside node_modules, so that the example's imports are found as in a project of its own.
  folder = await mkdtemp(path.join(root, "node_modules/.exported-decoder-"));
  const vae = new CausalVae(
    causalConfig({ hidden_size: 8, hidden_size_mult: [1, 1, 2, 2], num_res_blocks: 1, norm_num_groups: 4 }),
  );
  const rng = createRng(7);
  initialize(vae, rng.fork("weights"));
  await savePretrained(vae, path.join(folder, "vae"));
  latents = rng.fork("latents").normals(shape.reduce<number>((size, length) => size * length, 1)) as typeof latents;
  const input = tf.tensor(latents, [...shape]) as LatentTensor;
  eager = (await vae.decode(input).data()) as typeof eager;
  const wrapped = compiled(vae, onnxExecutor({ threads: 1 }));
  throughExecutor = (await (await wrapped.decode(input)).data()) as typeof eager;
  wrapped.dispose();
  await writeFile(path.join(folder, "latents.bin"), latents);

  const page = await readFile(path.join(root, "docs/guide/export-onnx.md"), "utf8");
  for (const [, code, name] of page.matchAll(/```(?:js|html)\n((?:\/\/|<!--) (\S+)[^]*?)```/g)) {
    await writeFile(path.join(folder, name!), code!.replace(/^<!-- \S+ -->\n/, ""));
  }
  await node("--import", "tsx", "-C", "@noisereel/source", "export-decoder.mjs");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the exported decoder", () => {
  // 1e-4: float32 through twenty layers, with sums in other orders; pixels are of size 1.
  it("is what the compiled decoder computes", () => {
    expect(Math.max(...eager.map(Math.abs))).toBeGreaterThan(0.1);
    expect(largestDifference(throughExecutor, eager)).toBeLessThan(1e-4);
  });

  it("runs in Node by plain onnxruntime-node", async () => {
    await writeFile(
      path.join(folder, "run.mjs"),
      `import { readFileSync, writeFileSync } from "node:fs";
       import { decode } from "./decode.mjs";
       writeFileSync("video.bin", await decode(new Float32Array(Uint8Array.from(readFileSync("latents.bin")).buffer)));`,
    );
    await node("run.mjs");
    const bytes = await readFile(path.join(folder, "video.bin"));
    const video = new Float32Array(new Uint8Array(bytes).buffer);
    expect(largestDifference(video, eager)).toBeLessThan(1e-4);
  });

  it("runs in Chromium by plain onnxruntime-web", async (context) => {
    context.skip(browserMissing !== undefined, browserMissing);
    const { page, errors, close } = await openPage({
      "": folder,
      "onnxruntime-web": path.join(root, "node_modules/onnxruntime-web/dist"),
    });
    try {
      const video = await page.evaluate(async (values) => {
        const { decode } = window as unknown as { decode: (latents: Float32Array) => Promise<Float32Array> };
        return Array.from(await decode(Float32Array.from(values)));
      }, Array.from(latents));
      expect(largestDifference(video, eager)).toBeLessThan(1e-4);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });
});
