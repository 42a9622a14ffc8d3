// The executor suite on onnxruntime-web, in headless Chromium.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { eagerExecutor } from "@noisereel/core";
import { describeExecutor } from "@noisereel/testing";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPage, whyNoBrowser } from "../../../tools/browser.js";
import type { BrowserPage } from "../../../tools/browser.js";
import type { WebProvider } from "../src/web.js";

const root = path.resolve(import.meta.dirname, "../../..");

/** The suite's cases as tests, each run in the page. `arguments`: of Chromium. */
export function describeInChromium(
  provider: WebProvider,
  options: { readonly arguments?: readonly string[] } = {},
): void {
  describe(`executor onnx on ${provider} in Chromium`, () => {
    let folder: string | undefined;
    let browser: BrowserPage | undefined;
    let reason = whyNoBrowser();

    beforeAll(async () => {
      if (reason === undefined) {
        folder = await bundle();
        browser = await openPage(
          { "": folder, "onnxruntime-web": path.join(root, "node_modules/onnxruntime-web/dist") },
          options,
        );
        await browser.page.waitForFunction(() => "runCase" in window);
        if (provider === "webgpu" && !(await hasAdapter(browser))) reason = "Chromium finds no WebGPU adapter";
      }
      if (reason !== undefined) console.warn(`onnx on ${provider} in Chromium is not tested: ${reason}`);
    });

    afterAll(async () => {
      await browser?.close();
      if (folder !== undefined) await rm(folder, { recursive: true });
    });

    it.for(caseNames())("%s", async (name, context) => {
      context.skip(reason !== undefined, reason);
      const wrong = browser!.page.evaluate(([where, what]) => window.runCase(where, what), [provider, name] as const);
      expect(await wrong).toBe("");
    });
  });
}

function caseNames(): string[] {
  const names: string[] = [];
  describeExecutor("listed", eagerExecutor, {
    describe: (_, body) => {
      body();
    },
    it: (name) => {
      names.push(name);
    },
  });
  return names;
}

/** A folder with a page that has `browser-page.ts` in it. */
async function bundle(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "noisereel-browser-"));
  await build({
    entryPoints: [path.join(import.meta.dirname, "browser-page.ts")],
    outfile: path.join(folder, "page.js"),
    bundle: true,
    format: "esm",
    platform: "browser", // an import from Node is an error
    conditions: ["@noisereel/source"],
    // Only the default runtime imports it, and the page hands its own in.
    external: ["onnxruntime-web"],
    logLevel: "silent",
  });
  await writeFile(
    path.join(folder, "index.html"),
    `<!doctype html>
     <script type="module">
       import * as ort from "./onnxruntime-web/ort.webgpu.min.mjs";
       ort.env.wasm.numThreads = 1;
       window.ort = ort;
       await import("./page.js");
     </script>`,
  );
  return folder;
}

async function hasAdapter({ page }: BrowserPage): Promise<boolean> {
  return page.evaluate(async () => {
    const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<unknown> } };
    const adapter = await gpu?.requestAdapter();
    return adapter !== undefined && adapter !== null;
  });
}
