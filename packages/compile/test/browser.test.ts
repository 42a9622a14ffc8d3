import { describeInChromium } from "./browser-suite.js";

describeInChromium("wasm");
