// Checks every publishable package as npm would publish it: publint for the manifest, attw for how types resolve.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const folders = ["packages", "apps"]
  .flatMap((parent) => readdirSync(path.join(root, parent)).map((name) => path.join(root, parent, name)))
  .concat(path.join(root, "recipes"))
  .filter((folder) => !JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")).private);

const npx = (...command) => {
  const [tool, ...rest] = command;
  execFileSync(process.execPath, [path.join(root, "node_modules", ...tool.split("/")), ...rest], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
};

let failed = 0;
for (const folder of folders) {
  const name = path.relative(root, folder);
  try {
    npx("publint/src/cli.js", folder, "--strict");
    npx("@arethetypeswrong/cli/dist/index.js", "--pack", folder, "--profile", "esm-only");
    process.stdout.write(`${name}: manifest and types resolve\n`);
  } catch (error) {
    failed++;
    process.stdout.write(`${name}: ${error.stdout?.toString() ?? ""}${error.stderr?.toString() ?? error.message}\n`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
