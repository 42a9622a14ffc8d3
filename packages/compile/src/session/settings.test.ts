import { describe, expect, it } from "vitest";
import { sessionSettings } from "./settings.js";

const plain = { provider: "cpu", fallback: "forbid", resident: [], external: [], arena: true } as const;

describe("session settings", () => {
  it("forbid the CPU to step in for a GPU, unless it is allowed", () => {
    const gpu = { ...plain, provider: "webgpu" } as const;
    expect(sessionSettings(gpu)).toMatchObject({ extra: { session: { disable_cpu_ep_fallback: "1" } } });
    expect(sessionSettings({ ...gpu, fallback: "allow" })).toMatchObject({ extra: { session: {} } });
    expect(sessionSettings(plain)).toMatchObject({ extra: { session: {} } });
  });

  it("keep the statistics of LayerNormalization on webgpu", () => {
    const without = (optimizers: string) => ({
      extra: { optimization: { disable_specified_optimizers: optimizers } },
    });
    expect(sessionSettings({ ...plain, provider: "webgpu" })).toMatchObject(
      without("GatherSliceToSplitFusion;SkipLayerNormFusion"),
    );
    expect(sessionSettings(plain)).toMatchObject(without("GatherSliceToSplitFusion"));
  });

  it("keep no memory of tensors too large for an arena", () => {
    expect(sessionSettings({ ...plain, arena: false })).toMatchObject({ enableCpuMemArena: false });
    expect(sessionSettings(plain)).not.toHaveProperty("enableCpuMemArena");
  });

  it("leave state on the device and everything else on the host", () => {
    expect(sessionSettings({ ...plain, provider: "webgpu", resident: ["new/0", "new/2"] })).toMatchObject({
      preferredOutputLocation: { "new/0": "gpu-buffer", "new/2": "gpu-buffer" },
    });
    expect(sessionSettings(plain)).not.toHaveProperty("preferredOutputLocation");
  });

  it("never plan memory ahead", () => {
    expect(sessionSettings(plain)).toMatchObject({ enableMemPattern: false });
  });

  it("set threads only where they are given", () => {
    expect(sessionSettings({ ...plain, threads: 3, spinning: false })).toMatchObject({
      intraOpNumThreads: 3,
      extra: { session: { intra_op: { allow_spinning: "0" } } },
    });
    expect(sessionSettings(plain)).not.toHaveProperty("intraOpNumThreads");
  });
});
