// The browser entry in headless Chromium, with files that Node made beside it.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Clip } from "@noisereel/core";
import { build } from "esbuild";
import { type BrowserPage, openPage, whyNoBrowser } from "../../../tools/browser.js";
import { shippedClips } from "./helpers.js";

export interface WebTests {
  /** Why nothing can be tested; undefined when it can. */
  readonly missing: string | undefined;
  /** Why H.264 cannot be tested. */
  readonly noH264: string | undefined;
  readonly page: BrowserPage["page"];
  readonly errors: readonly string[];
  /** Served to the page as `made/NAME`. */
  readonly folder: string;
  close(): Promise<void>;
}

/** Bundles `test/web-page.ts` and opens it; the shipped clips are served as `clips/NAME`. */
export async function openWebTests(): Promise<WebTests> {
  const missing = whyNoBrowser();
  const folder = await mkdtemp(path.join(tmpdir(), "noisereel-web-"));
  const cleared = (): Promise<void> => rm(folder, { recursive: true, force: true });
  if (missing !== undefined) {
    console.warn(`@noisereel/data/web is not tested in a browser: ${missing}`);
    return { missing, noH264: missing, folder, errors: [], close: cleared } as unknown as WebTests;
  }
  await build({
    entryPoints: [path.join(import.meta.dirname, "web-page.ts")],
    outfile: path.join(folder, "page.js"),
    bundle: true,
    format: "esm",
    platform: "browser", // an import from Node is an error
    conditions: ["@noisereel/source"],
    logLevel: "silent",
  });
  await writeFile(path.join(folder, "index.html"), `<!doctype html><script type="module" src="./page.js"></script>`);
  const browser = await openPage({ "": folder, made: folder, clips: shippedClips });
  await browser.page.waitForFunction(() => "page" in globalThis);
  const h264 = await browser.page.evaluate(async () => {
    const config = { codec: "avc1.64001f", width: 256, height: 256 };
    const decodes = await VideoDecoder.isConfigSupported(config);
    return decodes.supported === true && (await VideoEncoder.isConfigSupported(config)).supported === true;
  });
  const noH264 = h264 ? undefined : "this Chromium has no H.264";
  if (noH264 !== undefined) console.warn(`H.264 of @noisereel/data/web is not tested: ${noH264}`);
  return {
    missing,
    noH264,
    folder,
    page: browser.page,
    errors: browser.errors,
    async close() {
      await browser.close();
      await cleared();
    },
  };
}

/** What the page needs to compare a clip with one of its own. */
export interface Expected {
  readonly url: string;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** Puts a clip's bytes where the page can fetch them. */
export async function expected(folder: string, name: string, clip: Clip): Promise<Expected> {
  await writeFile(path.join(folder, name), clip.pixels);
  const { frames, height, width } = clip;
  return { url: `made/${name}`, frames, height, width };
}
