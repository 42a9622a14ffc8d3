// What this machine can run, in one report.
import { type BackendReport, inspectBackends } from "./load.js";

export interface DoctorReport {
  readonly runtime: string;
  readonly platform: string;
  readonly backends: readonly BackendReport[];
  readonly packages: readonly { readonly name: string; readonly available: boolean; readonly detail: string }[];
}

/** Optional packages beyond the tfjs backends, and what they are for. */
const optionalPackages: Readonly<Record<string, string>> = {
  "onnxruntime-node": "runs compiled models on the CPU",
  sharp: "reads and writes images",
  "@ffmpeg-installer/ffmpeg": "reads and writes video when there is no ffmpeg on the PATH",
};

/** Tries every backend and optional package and says what works, what does not, and why. */
export async function doctor(): Promise<DoctorReport> {
  const packages = [];
  for (const [name, purpose] of Object.entries(optionalPackages)) {
    packages.push(
      await import(name).then(
        () => ({ name, available: true, detail: purpose }),
        (error: Error) => ({
          name,
          available: false,
          detail: `${purpose}; does not load: ${error.message.split("\n")[0]}`,
        }),
      ),
    );
  }
  const node = typeof process === "undefined" ? undefined : process;
  return {
    runtime: node === undefined ? navigator.userAgent : `Node ${node.versions.node}`,
    platform: node === undefined ? "browser" : `${node.platform} ${node.arch}`,
    backends: await inspectBackends(),
    packages,
  };
}
