// Slow: SwiftShader computes and compiles shaders on the CPU.
import { describeInChromium } from "./browser-suite.js";

describeInChromium("webgpu", { arguments: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"] });
