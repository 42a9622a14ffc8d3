import { expect, it } from "vitest";
import { CheckpointError, ClipError, ConfigError, NoisereelError } from "./errors.js";

it("knows its kind and its ancestors, without instanceof", () => {
  const error = new ClipError("clip.mp4 has no frames", { path: "clip.mp4", cause: new Error("why") });
  // As an error thrown by another copy of the package would be: same brands, another class.
  const foreign: unknown = Object.defineProperty(new Error("x"), Symbol.for("noisereel.ClipError"), { value: true });
  expect([error.name, error.message, (error.cause as Error).message]).toEqual([
    "ClipError",
    "clip.mp4 has no frames",
    "why",
  ]);
  expect([ClipError, NoisereelError, ConfigError].map((type) => type.isInstance(error))).toEqual([true, true, false]);
  expect(ClipError.isInstance(foreign)).toBe(true);
  expect(CheckpointError.isInstance(undefined)).toBe(false);
});
