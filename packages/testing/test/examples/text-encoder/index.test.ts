import { describe, it } from "vitest";
import { describeTextEncoder } from "../../../src/index.js";
import { hashedWords } from "./index.js";

describeTextEncoder("hashed words", hashedWords, { describe, it });
