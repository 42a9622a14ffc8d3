// The contract suite that outsiders run too, on what this package exports.
import { createRng } from "@noisereel/core";
import { describeTextEncoder } from "@noisereel/testing";
import { describe, it } from "vitest";
import { cached, smallTextEncoder } from "../src/index.js";

const small = (tooLong: "error" | "truncate" = "error") =>
  smallTextEncoder({ width: 16, layers: 1, heads: 2, maxTokens: 24, rng: createRng(3), tooLong });

describeTextEncoder("small, over bytes", () => small(), { describe, it });
describeTextEncoder("small, truncating", () => small("truncate"), { describe, it });
describeTextEncoder("cached", () => cached(small()), { describe, it });
