// Headless Chromium on pages served from local folders, for tests of what runs in browsers.
import { accessSync, constants } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { chromium, type Page } from "playwright-core";

/** Chromium or Chrome on the PATH. */
export function findChromium(): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(path.delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]) {
      const file = path.join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // the next one
      }
    }
  }
  return undefined;
}

/** Why browser tests cannot run here; undefined when they can. */
export function whyNoBrowser(): string | undefined {
  return findChromium() === undefined ? "there is no Chromium on the PATH" : undefined;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

export interface BrowserPage {
  readonly page: Page;
  /** What the page printed as an error or threw. */
  readonly errors: readonly string[];
  readonly close: () => Promise<void>;
}

/**
 * Opens `/index.html`. `folders` maps the first part of a path to a folder on disk, "" for all other paths. Pages are
 * cross-origin isolated, so WebAssembly may use threads.
 */
export async function openPage(
  folders: Readonly<Record<string, string>>,
  options: { readonly arguments?: readonly string[] } = {},
): Promise<BrowserPage> {
  const server = createServer((request, response) => {
    if (request.url === "/favicon.ico") return response.writeHead(204).end();
    const parts = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname)
      .slice(1)
      .split("/");
    const folder = parts.length > 1 ? folders[parts[0]!] : undefined;
    const file = path.join(folder ?? folders[""] ?? "", ...(folder === undefined ? parts : parts.slice(1)));
    return readFile(file).then(
      (bytes) => {
        response.writeHead(200, {
          "content-type": types[path.extname(file)] ?? "application/octet-stream",
          "cross-origin-opener-policy": "same-origin",
          "cross-origin-embedder-policy": "require-corp",
        });
        response.end(bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({
    executablePath: findChromium()!,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", ...(options.arguments ?? [])],
  });
  const errors: string[] = [];
  const page = await browser.newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/index.html`);
  return {
    page,
    errors,
    async close() {
      await browser.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
