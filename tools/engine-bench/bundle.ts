// Makes the measured program.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

/** `serve.ts` as plain JavaScript, so that the measured process holds no compiler. It has to lie where packages are found. */
export async function bundleServer(): Promise<string> {
  const outfile = fileURLToPath(
    new URL(`../../node_modules/.cache/engine-bench/serve.${process.pid}.mjs`, import.meta.url),
  );
  await build({
    entryPoints: [fileURLToPath(new URL("serve.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@noisereel/source"],
    external: ["@tensorflow/tfjs", "onnxruntime-node", "onnxruntime-web", "sharp"],
    logLevel: "error",
    // Bundled CommonJS modules ask for Node's own by require.
    banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);` },
  });
  return outfile;
}
