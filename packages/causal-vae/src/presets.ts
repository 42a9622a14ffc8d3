// Configurations by name.
import { type CausalVaeConfig, type CausalVaeConfigInput, parseConfig } from "./config.js";

/** The released model of the reference (229 M parameters): scrambled attention, statistics over the clip. */
export function releaseConfig(overrides: CausalVaeConfigInput = {}): CausalVaeConfig {
  return parseConfig({ encoder_temporal_downsample: ["TimeDownsample2x", "TimeDownsample2x", "", ""], ...overrides });
}

/**
 * The same structure made truly causal, for new trainings: attention and group norm see one frame at a time, and the
 * temporal upsampling looks only back, so latent frame `k` depends on frames `0 .. 4k` and the other way round.
 */
export function causalConfig(overrides: CausalVaeConfigInput = {}): CausalVaeConfig {
  return releaseConfig({ attention: "per-frame", normalization: "per-frame", time_upsample: "causal", ...overrides });
}

/** A causal model that trains on a laptop: the same 4 x 8 x 8 compression with narrow levels. */
export function tinyConfig(overrides: CausalVaeConfigInput = {}): CausalVaeConfig {
  return causalConfig({
    hidden_size: 32,
    hidden_size_mult: [1, 1, 2, 2],
    num_res_blocks: 1,
    norm_num_groups: 8,
    ...overrides,
  });
}
