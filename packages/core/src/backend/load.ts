// Finding a tfjs backend that works here, and saying why the others do not.
import * as tf from "@tensorflow/tfjs";
import { BackendError } from "../errors.js";

/** `tensorflow` is tfjs-node-gpu or tfjs-node, whichever is installed. */
export const backendNames = ["tensorflow", "webgpu", "wasm", "cpu"] as const;
export type BackendName = (typeof backendNames)[number];

export interface BackendReport {
  readonly name: BackendName;
  readonly available: boolean;
  /** Why it cannot be used, or what it is. One sentence. */
  readonly detail: string;
  /** Set on `wasm`, which lacks and miscomputes gradients. */
  readonly inferenceOnly?: boolean;
}

type Attempt =
  | { readonly ok: true; readonly tfjsName: string; readonly detail: string }
  | { readonly ok: false; readonly detail: string };

const attempts: Readonly<Record<BackendName, () => Promise<Attempt>>> = {
  tensorflow: async () => {
    const gpu = await tryPackage("@tensorflow/tfjs-node-gpu", "tensorflow");
    if (gpu.ok) return gpu;
    const plain = await tryPackage("@tensorflow/tfjs-node", "tensorflow");
    return plain.ok ? plain : { ok: false, detail: `${gpu.detail}; ${plain.detail}` };
  },
  webgpu: async () => {
    if (!("navigator" in globalThis) || !("gpu" in globalThis.navigator)) {
      return { ok: false, detail: "this JavaScript runtime has no navigator.gpu" };
    }
    return tryPackage("@tensorflow/tfjs-backend-webgpu", "webgpu");
  },
  wasm: () => tryPackage("@tensorflow/tfjs-backend-wasm", "wasm"),
  cpu: async () => ({ ok: true, tfjsName: "cpu", detail: "plain JavaScript, always present, slow" }),
};

/**
 * Loads a backend and makes it the active one. `auto` takes the first that works of tensorflow, webgpu, cpu (wasm cannot
 * train, so it is only taken by name). Throws `BackendError` that says what was tried.
 */
export async function loadBackend(name: BackendName | "auto" = "auto"): Promise<BackendName> {
  const candidates: readonly BackendName[] = name === "auto" ? ["tensorflow", "webgpu", "cpu"] : [name];
  const failures: string[] = [];
  for (const candidate of candidates) {
    const attempt = attempts[candidate];
    if (attempt === undefined) {
      throw new BackendError(`backend is "${candidate}"; use one of ${backendNames.join(", ")}, auto`);
    }
    const outcome = await attempt();
    if (outcome.ok && (await tf.setBackend(outcome.tfjsName))) {
      await tf.ready();
      return candidate;
    }
    failures.push(`${candidate}: ${outcome.detail}`);
  }
  throw new BackendError(`no tfjs backend could be loaded; tried ${failures.join(" | ")}`);
}

/** Tries every backend and leaves the active one as it was. */
export async function inspectBackends(): Promise<readonly BackendReport[]> {
  await tf.ready(); // a fresh process has no active backend before this
  const active = tf.getBackend();
  const reports: BackendReport[] = [];
  try {
    for (const name of backendNames) {
      const outcome = await attempts[name]();
      reports.push({
        name,
        available: outcome.ok,
        detail: outcome.detail,
        ...(name === "wasm" ? { inferenceOnly: true } : {}),
      });
    }
  } finally {
    await tf.setBackend(active);
  }
  return reports;
}

async function tryPackage(packageName: string, tfjsName: string): Promise<Attempt> {
  try {
    await import(packageName);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    const missing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    return {
      ok: false,
      detail: missing
        ? `${packageName} is not installed (npm install ${packageName})`
        : `${packageName} is installed but does not load: ${message.split("\n")[0]}`,
    };
  }
  try {
    const ready = await tf.setBackend(tfjsName);
    return ready
      ? { ok: true, tfjsName, detail: packageName }
      : { ok: false, detail: `${packageName} loaded but did not start` };
  } catch (error) {
    return { ok: false, detail: `${packageName} loaded but did not start: ${(error as Error).message}` };
  }
}
