// A model small enough to run in milliseconds, for tests.
import { createRng, initialize } from "@noisereel/core";
import type { CausalVaeConfigInput } from "../src/config.js";
import { CausalVae } from "../src/model.js";
import { causalConfig, releaseConfig } from "../src/presets.js";

const narrow: CausalVaeConfigInput = {
  hidden_size: 8,
  hidden_size_mult: [1, 1, 1, 1],
  num_res_blocks: 1,
  norm_num_groups: 4,
};

/** A causal model with random weights. */
export function smallCausalVae(overrides: CausalVaeConfigInput = {}): CausalVae {
  return drawn(causalConfig({ ...narrow, ...overrides }));
}

/** The released structure with random weights. */
export function smallReleaseVae(overrides: CausalVaeConfigInput = {}): CausalVae {
  return drawn(releaseConfig({ ...narrow, ...overrides }));
}

function drawn(config: CausalVaeConfigInput): CausalVae {
  const vae = new CausalVae(config);
  initialize(vae, createRng(5));
  return vae;
}
