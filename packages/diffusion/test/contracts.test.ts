// The contract suites that outsiders run too, on what this package exports.
import { createRng, initialize } from "@noisereel/core";
import { describeDenoiser, describeSampler, describeTextEncoder } from "@noisereel/testing";
import { describe, it } from "vitest";
import { classLabels, ddim, ddpm, flowEuler, Latte, pndm, samplers, unipc } from "../src/index.js";
import { tinyConfig, tinyModel } from "./support/tiny.js";

for (const [name, make] of Object.entries(samplers)) describeSampler(name, () => make(), { describe, it });
describeSampler("ddim, eta 0.5, trailing", () => ddim({ eta: 0.5, spacing: "trailing" }), { describe, it });
describeSampler("ddpm, large variance", () => ddpm({ variance: "fixed-large" }), { describe, it });
describeSampler("pndm without Runge-Kutta", () => pndm({ rungeKutta: false }), { describe, it });
describeSampler("unipc of order 3", () => unipc({ order: 3, variant: "bh1" }), { describe, it });
for (const shift of [1, 3]) {
  const flow = { predicts: ["velocity"], process: "flow" } as const;
  describeSampler(`flow euler, shift ${shift}`, () => flowEuler({ shift }), { describe, it, ...flow });
}

describeDenoiser("LatteT2V", () => tinyModel(), { describe, it, textWidth: 6 });
describeDenoiser("LatteT2V that learns the variance", () => tinyModel({ out_channels: 8 }), {
  describe,
  it,
  textWidth: 6,
  clip: [1, 2, 6],
});
describeDenoiser(
  "Latte with classes",
  () => {
    const model = new Latte({ ...tinyConfig, caption_channels: null, num_classes: 5 });
    const rng = createRng(2);
    initialize(model, rng);
    for (const [name, parameter] of model.namedParameters()) {
      const count = parameter.shape.reduce((a, b) => a * b, 1);
      parameter.assign(
        rng
          .fork(name)
          .normals(count)
          .map((value) => value * 0.2),
      );
    }
    return model;
  },
  { describe, it, textWidth: 6 },
);

describeTextEncoder("class labels", () => classLabels(["cat", "dog"]), { describe, it, prompts: ["cat", "dog"] });
