// Builds the page when it is missing or older than its sources.
import { writeFolderAtomically } from "@noisereel/core/node";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";

export interface ClientFolders {
  /** Sources of the page. */
  readonly source: string;
  /** What the server serves. */
  readonly built: string;
}

/** The same folders from `src/` and from `dist/`. */
export const clientFolders: ClientFolders = {
  source: path.join(import.meta.dirname, "..", "client"),
  built: path.join(import.meta.dirname, "..", "dist", "client"),
};

/** Returns true when it had to build. */
export async function ensureClient(folders: ClientFolders = clientFolders): Promise<boolean> {
  const built = await stat(path.join(folders.built, "index.html")).catch(() => undefined);
  if (built !== undefined && built.mtimeMs > (await newestChange(folders))) return false;
  await buildClient(folders);
  return true;
}

export async function buildClient({ source, built }: ClientFolders = clientFolders): Promise<void> {
  const [{ build }, { default: react }] = await Promise.all([import("vite"), import("@vitejs/plugin-react")]);
  await writeFolderAtomically(built, async (outDir) => {
    await build({
      root: source,
      configFile: false,
      logLevel: "error",
      plugins: [react()],
      build: { outDir, emptyOutDir: true },
    });
  });
}

/** Milliseconds. */
async function newestChange({ source }: ClientFolders): Promise<number> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const times = await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
  return Math.max(...times);
}
