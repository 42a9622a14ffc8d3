// The contract suite that outsiders run too, on what this package exports.
import { createRng } from "@noisereel/core";
import { describeTextEncoder } from "@noisereel/testing";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { cached, diskCached, smallTextEncoder } from "../src/index.js";

const small = (tooLong: "error" | "truncate" = "error") =>
  smallTextEncoder({ width: 16, layers: 1, heads: 2, maxTokens: 24, rng: createRng(3), tooLong });

describeTextEncoder("small, over bytes", () => small(), { describe, it });
describeTextEncoder("small, truncating", () => small("truncate"), { describe, it });
describeTextEncoder("cached", () => cached(small()), { describe, it });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "noisereel-texts-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describeTextEncoder("cached on disk", () => diskCached(small(), { folder, encoderHash: "small" }), { describe, it });
