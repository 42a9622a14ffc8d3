// What the browser tests run in the page: the cases of the executor suite, by name.
// Not from the package's index, which also reads golden folders and therefore needs Node.
import { describeExecutor } from "../../testing/src/contracts/executor.js";
import { onnxExecutor } from "../src/web.js";
import type { OrtModule, WebProvider } from "../src/web.js";

declare global {
  interface Window {
    /** Set by the page: ONNX Runtime as served from its package. */
    ort: OrtModule;
    /** Runs a case; resolves with what is wrong, or with "". */
    runCase(provider: WebProvider, name: string): Promise<string>;
  }
}

window.runCase = async (provider, name) => {
  let found: (() => Promise<void>) | undefined;
  describeExecutor("in the browser", () => onnxExecutor({ provider, runtime: window.ort }), {
    describe: (_, body) => body(),
    it: (what, body) => {
      if (what === name) found = () => body({ skip: () => undefined });
    },
  });
  if (found === undefined) return `there is no case "${name}"`;
  return found().then(
    () => "",
    (error: unknown) => String(error),
  );
};
