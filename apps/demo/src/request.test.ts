import { ConfigError } from "@noisereel/core";
import { expect, it } from "vitest";
import { fakeStudio } from "../test/fake-run.js";
import { readParameters } from "./request.js";

const studio = fakeStudio();

it("fills what is missing with the run's values", () => {
  expect(readParameters({ prompt: "  a disc " }, studio)).toEqual({
    prompt: "a disc",
    negativePrompt: "",
    seed: 0,
    steps: 6,
    guidanceScale: 3,
    sampler: "ddim",
    frames: 9,
    height: 64,
    width: 64,
  });
});

it("offers legal shapes up to twice the trained ones", () => {
  expect(studio.limits.frames).toEqual([1, 5, 9, 13, 17]);
  expect(studio.limits.sizes).toEqual([16, 32, 48, 64, 80, 96, 112, 128]);
});

it.each([
  [null, /no JSON object/],
  [[], /no JSON object/],
  [{}, /prompt is missing; use text/],
  [{ prompt: " \n" }, /prompt is empty/],
  [{ prompt: "x".repeat(1001) }, /1001 characters; use at most 1000/],
  [{ prompt: 7 }, /prompt is 7; use text/],
  [{ prompt: "x", frames: 18 }, /frames is 18; use one of 1, 5, 9, 13, 17/],
  [{ prompt: "x", height: 60 }, /height is 60; use one of 16, 32/],
  [{ prompt: "x", steps: 2.5 }, /steps is 2\.5; use an integer from 1 to 200/],
  [{ prompt: "x", steps: "20" }, /steps is "20"; use an integer/],
  [{ prompt: "x", seed: -1 }, /seed is -1; use a number from 0/],
  [{ prompt: "x", guidanceScale: 0.5 }, /guidanceScale is 0\.5; use a number from 1 to 20/],
  [{ prompt: "x", sampler: "euler" }, /sampler is "euler"; use one of ddim, ddpm/],
  [{ prompt: "x", fps: 8, size: 1 }, /fps, size is no parameter; use prompt,/],
])("refuses %j with a sentence", (body, sentence) => {
  expect(() => readParameters(body, studio)).toThrow(ConfigError);
  expect(() => readParameters(body, studio)).toThrow(sentence);
});
