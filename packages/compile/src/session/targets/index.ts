// What a graph has to become for a provider.
import type { Graph } from "../../graph/graph.js";
import type { Precision, Provider } from "../settings.js";
import { padConvolutionChannels } from "./channels.js";
import { toHalfPrecision } from "./float16.js";
import { splitFusedMatMul } from "./fused-matmul.js";

/** The graph in operations that the provider has and computes correctly, in the precision that is wanted. */
export function forProvider(graph: Graph, provider: Provider, precision: Precision): Graph {
  const fitting = provider === "webgpu" ? padConvolutionChannels(splitFusedMatMul(graph)) : graph;
  return precision === "float16" ? toHalfPrecision(fitting) : fitting;
}
