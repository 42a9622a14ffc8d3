import { ConfigError } from "@noisereel/core";
import { expect, test } from "vitest";
import { isCausal, parseConfig, storedConfig } from "./config.js";
import { causalConfig, releaseConfig, tinyConfig } from "./presets.js";

test("an empty configuration gives the reference's defaults", () => {
  const config = parseConfig({});
  expect(config.hidden_size_mult).toEqual([1, 2, 4, 4]);
  expect(config.encoder_temporal_downsample).toEqual(["", "TimeDownsample2x", "TimeDownsample2x", ""]);
  expect(config.decoder_temporal_upsample).toEqual(["", "", "TimeUpsample2x", "TimeUpsample2x"]);
  expect(config.attention).toBe("scrambled");
});

test("the release halves time at levels 0 and 1", () => {
  expect(releaseConfig().encoder_temporal_downsample).toEqual(["TimeDownsample2x", "TimeDownsample2x", "", ""]);
});

test("diffusers' own keys are accepted", () => {
  expect(() => parseConfig({ _class_name: "CausalVAEModel", _diffusers_version: "0.27.2" })).not.toThrow();
});

test("an unknown key is named", () => {
  expect(() => parseConfig({ hiden_size: 64 })).toThrow(/unknown key hiden_size; known keys: hidden_size/);
});

test("an unknown block is refused with the known ones", () => {
  expect(() => parseConfig({ encoder_attention: "LinAttnBlock" })).toThrow(ConfigError);
  expect(() => parseConfig({ encoder_attention: "LinAttnBlock" })).toThrow(/AttnBlock3D.*AttnBlock3DFix/);
});

test.each([
  [{ encoder_resnet_blocks: ["ResnetBlock3D"] }, /has 1 entries but hidden_size_mult has 4/],
  [{ encoder_temporal_downsample: ["", "", "", "TimeDownsample2x"] }, /nothing reads the last level/],
  [{ decoder_spatial_upsample: ["", "", "", ""] }, /name as many in both/],
  [{ hidden_size: 40 }, /norm_num_groups is 32/],
  [{ dropout: 0.1 }, /dropout: must be 0/],
] as const)("%j is refused", (input, message) => {
  expect(() => parseConfig(input)).toThrow(message);
});

test("causality follows from attention, normalization and upsampling", () => {
  expect(isCausal(causalConfig())).toBe(true);
  expect(isCausal(tinyConfig())).toBe(true);
  expect(isCausal(releaseConfig())).toBe(false);
  expect(isCausal(causalConfig({ time_upsample: "linear" }))).toBe(false);
  expect(isCausal(causalConfig({ decoder_attention: "TemporalAttnBlock" }))).toBe(false);
});

test("a stored configuration holds our keys only where they differ from the reference", () => {
  expect(Object.keys(storedConfig(releaseConfig()))).not.toContain("attention");
  expect(storedConfig(causalConfig())).toMatchObject({ attention: "per-frame", normalization: "per-frame" });
  expect(parseConfig(storedConfig(tinyConfig()))).toMatchObject(tinyConfig());
});
