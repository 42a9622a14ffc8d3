// What a graph has to become for a provider.
import type { Graph } from "../../graph/graph.js";
import type { Provider } from "../settings.js";
import { padConvolutionChannels } from "./channels.js";
import { splitFusedMatMul } from "./fused-matmul.js";

/** The graph in operations that the provider has and computes correctly. */
export function forProvider(graph: Graph, provider: Provider): Graph {
  return provider === "webgpu" ? padConvolutionChannels(splitFusedMatMul(graph)) : graph;
}
