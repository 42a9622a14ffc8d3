// KERNELS.md is generated: `npx vitest run packages/compile/test/kernel-table.test.ts -u` writes it again.
import "@tensorflow/tfjs";
import { format } from "prettier";
import { expect, it } from "vitest";
import { kernelNames } from "../src/trace/backend.js";
import { lowerings } from "../src/trace/kernels/index.js";
import { refusals } from "../src/trace/kernels/refusals.js";

it("KERNELS.md lists what every tfjs kernel becomes", async () => {
  const names = kernelNames();
  const supported = names.filter((name) => name in lowerings);
  const rows = names.map((name) => `| ${name} | ${name in lowerings ? "yes" : `no: ${refusals[name]}`} |`);
  const text = [
    "# Kernels",
    "",
    `tfjs 4.22.0 has ${names.filter((name) => !name.startsWith("nn.")).length} kernels; with the fused \`nn.*\` kernels, ${supported.length} of ${names.length} can be compiled.`,
    "",
    "| kernel | compiled |",
    "| --- | --- |",
    ...rows,
    "",
  ].join("\n");
  await expect(await format(text, { parser: "markdown" })).toMatchFileSnapshot("../KERNELS.md");
});

it("every kernel that is refused says why, and no reason is stale", () => {
  const names = kernelNames();
  expect(names.filter((name) => !(name in lowerings) && !(name in refusals))).toEqual([]);
  expect(Object.keys(refusals).filter((name) => name in lowerings || !names.includes(name))).toEqual([]);
});
