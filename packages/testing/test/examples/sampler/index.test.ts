import { describe, it } from "vitest";
import { describeSampler } from "../../../src/index.js";
import { improvedPndm } from "./index.js";

describeSampler("improved PNDM", improvedPndm, { describe, it });
