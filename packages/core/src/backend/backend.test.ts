import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { BackendError } from "../errors.js";
import { doctor } from "./doctor.js";
import { type BackendName, loadBackend } from "./load.js";

it("loads the cpu backend by name and some backend by itself", async () => {
  expect(await loadBackend("cpu")).toBe("cpu");
  expect(tf.getBackend()).toBe("cpu");
  expect(["tensorflow", "webgpu", "cpu"]).toContain(await loadBackend("auto"));
});

it("says which names there are", async () => {
  await expect(loadBackend("cuda" as BackendName)).rejects.toThrow(/"cuda"; use one of tensorflow, webgpu, wasm, cpu/);
  await expect(loadBackend("cuda" as BackendName)).rejects.toThrow(BackendError);
});

it("reports every backend with a reason and leaves the active one alone", async () => {
  await loadBackend("cpu");
  const report = await doctor();
  expect(report.backends.map(({ name }) => name)).toEqual(["tensorflow", "webgpu", "wasm", "cpu"]);
  for (const { available, detail } of report.backends) {
    expect(detail.length).toBeGreaterThan(0);
    if (!available) expect(detail).toMatch(/not installed|does not load|did not start|navigator\.gpu/);
  }
  expect(tf.getBackend()).toBe("cpu");
});
