import { build } from "esbuild";
import { expect, expectTypeOf, it } from "vitest";
import type * as node from "../src/index.js";
import type * as web from "../src/web/index.js";

it("the browsers' entry brings in nothing from Node: no sharp, no ffmpeg, no node: module", async () => {
  const { metafile } = await build({
    entryPoints: ["@noisereel/data/web"],
    absWorkingDir: import.meta.dirname,
    bundle: true,
    format: "esm",
    platform: "browser", // an import from Node is an error
    conditions: ["@noisereel/source"],
    write: false,
    metafile: true,
    external: ["@tensorflow/tfjs"],
    logLevel: "silent",
  });
  const [output] = Object.values(metafile.outputs);
  const imports = new Set(output!.imports.map(({ path: name, kind }) => `${name} ${kind}`));
  expect([...imports]).toEqual(["@tensorflow/tfjs import-statement"]);
  const packages = Object.keys(metafile.inputs).map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]);
  expect(new Set(packages)).toEqual(new Set([undefined, "mediabunny"]));
});

it("facts have the type that it has in Node", () => {
  expectTypeOf<web.VideoFacts>().toEqualTypeOf<node.VideoFacts>();
});
