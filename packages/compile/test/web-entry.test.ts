import path from "node:path";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { compile, onnxExecutor } from "../src/web.js";

it("the browsers' entry brings in nothing from Node and no runtime", async () => {
  const { metafile } = await build({
    entryPoints: [path.resolve(import.meta.dirname, "../src/web.ts")],
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
    metafile: true,
    external: ["@tensorflow/tfjs", "onnxruntime-web"],
    logLevel: "silent",
  });
  const [output] = Object.values(metafile.outputs);
  const imports = new Set(output!.imports.map(({ path: name, kind }) => `${name} ${kind}`));
  expect([...imports].toSorted()).toEqual(["@tensorflow/tfjs import-statement", "onnxruntime-web dynamic-import"]);
});

it("in browsers, threads belong to the runtime", async () => {
  await expect(compile(() => ({}), { threads: 2 }).run({})).rejects.toThrow(/set ort\.env\.wasm\.numThreads/);
});

it("webgpu without WebGPU is an error", async () => {
  const compiled = onnxExecutor({ provider: "webgpu" }).compile(() => ({}), { name: "none" });
  await expect(compiled.run({})).rejects.toThrow(/navigator\.gpu.*Use "wasm"/);
});
