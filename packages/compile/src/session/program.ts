// One traced shape of a function: its graph, its session, and which variables it reads and writes.
import type * as tf from "@tensorflow/tfjs";
import { CompileError } from "../errors.js";
import { mergeCommonSubexpressions } from "../graph/common-subexpressions.js";
import { foldConstantParts } from "../graph/constant-parts.js";
import { removeDeadCode } from "../graph/dead-code.js";
import { type ConstantData, type Edge, type Graph, sizeOf } from "../graph/graph.js";
import { orderLeaves } from "../graph/leaf-order.js";
import { shareShapes } from "../graph/same-shapes.js";
import { separateOutputs } from "../graph/unique-outputs.js";
import { encodeModel } from "../onnx/encode.js";
import type { ExternalLocation } from "../onnx/encode.js";
import type { Permutation } from "../trace/layout.js";
import type { HostValues, TensorType } from "../trace/symbol.js";
import type { TensorSpec, Trace } from "../trace/trace.js";
import type { Device } from "./device.js";
import type { OrtSession } from "./runtime.js";
import type { ExternalValues } from "./settings.js";
import { forProvider } from "./targets/index.js";

/** A variable of a program. Names are those of the session's feeds and fetches. */
export interface ProgramVariable {
  readonly variable: tf.Variable;
  readonly perm: Permutation;
  /** Feed with the current value; undefined when it is only assigned, or baked in. */
  readonly feed: string | undefined;
  /** Fetch with the next value; undefined when it is only read. */
  readonly fetch: string | undefined;
}

/** What one traced shape cost. */
export interface ProgramStats {
  /** Names, types and shapes of the inputs. */
  readonly signature: string;
  readonly nodes: number;
  readonly traceMilliseconds: number;
  readonly sessionMilliseconds: number;
  readonly modelBytes: number;
  /** Bytes of the model's constants, weights included if they are baked in. */
  readonly initializerBytes: number;
}

export interface Program {
  readonly session: OrtSession;
  /** Input names that the session takes; unused ones are left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly { readonly name: string; readonly spec: TensorSpec }[];
  readonly variables: readonly ProgramVariable[];
  /** Variables baked into the session, with the data they had. */
  readonly baked: ReadonlyMap<tf.Variable, object>;
  /** Memory by name of the output that runs write it to, where the runtime hands out copies. */
  readonly written: Map<string, HostValues>;
  readonly stats: ProgramStats;
}

/** The traced graph, cleaned, with feeds and fetches named. */
export function finishGraph(trace: Trace): Graph {
  const raw: Graph = {
    nodes: trace.nodes,
    constants: trace.constants,
    inputs: [
      ...trace.inputs.map(({ name, edge }) => ({ name: feedName(name), edge })),
      ...trace.variables.flatMap(({ read }, index) =>
        read === undefined ? [] : [{ name: variableFeed(index), edge: read }],
      ),
    ],
    outputs: [
      ...trace.outputs.map(({ name, edge }) => ({ name: fetchName(name), edge })),
      ...trace.variables.flatMap(({ assigned }, index) =>
        assigned === undefined ? [] : [{ name: variableFetch(index), edge: assigned }],
      ),
    ],
  };
  return orderLeaves(separateOutputs(removeDeadCode(mergeCommonSubexpressions(raw))));
}

export const feedName = (name: string): string => `in/${name}`;
export const fetchName = (name: string): string => `out/${name}`;
const variableFeed = (index: number): string => `var/${index}`;
const variableFetch = (index: number): string => `new/${index}`;

/** Turns inputs of a graph into constants. */
export function bakeInputs(graph: Graph, values: ReadonlyMap<Edge, ConstantData>): Graph {
  return {
    ...graph,
    inputs: graph.inputs.filter(({ edge }) => !values.has(edge)),
    constants: new Map([...graph.constants, ...values]),
  };
}

export interface BakedVariable {
  readonly values: ConstantData;
  readonly dataId: object;
}

/** Constants from this size on are handed over beside the model. */
const externalBytes = 2 ** 16;

/** Hands a large constant over as it lies in memory, instead of copying it into the model's bytes and out of them again. */
function outside(external: ExternalValues[], data: ConstantData): ExternalLocation | undefined {
  if (data.byteLength < externalBytes) return undefined;
  const path = `constant-${external.length}`;
  external.push({ path, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
  return { location: path, offset: 0, length: data.byteLength };
}

/**
 * Tensors from this size on are better mapped one by one. ONNX Runtime's arena grows in powers of two and hands out chunks
 * whose remainder, up to 128 MiB each, nothing else can use.
 */
const hugeBytes = 2 ** 27;

function hasHugeTensors(graph: Graph): boolean {
  return graph.nodes.some(({ outputs }) => outputs.some(({ shape }) => 4 * sizeOf(shape) >= hugeBytes));
}

export async function buildProgram(
  trace: Trace,
  options: {
    readonly device: Device;
    readonly name: string;
    readonly signature: string;
    readonly traceMilliseconds: number;
    /** The variables to bake in: values in the graph's layout, and the data they were read from. */
    readonly constants: ReadonlyMap<tf.Variable, BakedVariable> | undefined;
    /** Makes arrays that only have to last until the program is built. */
    readonly floats?: ((length: number) => Float32Array<ArrayBuffer>) | undefined;
  },
): Promise<Program> {
  const started = performance.now();
  let graph = finishGraph(trace);
  const baked = new Map<tf.Variable, object>();
  if (options.constants !== undefined) {
    const values = new Map<Edge, ConstantData>();
    for (const { variable, read } of trace.variables) {
      const constant = options.constants.get(variable);
      if (read === undefined || constant === undefined) continue;
      values.set(read, constant.values);
      baked.set(variable, constant.dataId);
    }
    graph = shareShapes(foldConstantParts(bakeInputs(graph, values), options.floats));
  }
  const { device } = options;
  const training = trace.variables.some(({ assigned }) => assigned !== undefined);
  if (training && device.precision === "float16") {
    throw new CompileError(
      `"${options.name}" assigns variables, and precision: "float16" is for inference: small updates would be lost. Use "float32".`,
    );
  }
  graph = forProvider(graph, device.provider, device.precision);
  const external: ExternalValues[] = [];
  const model = encodeModel(graph, { graphName: options.name, external: (data) => outside(external, data) });
  const resident = trace.variables.flatMap(({ variable, assigned }, index) =>
    assigned !== undefined && device.keeps(variable.dtype as TensorType) ? [variableFetch(index)] : [],
  );
  const session = await device.open(model, { name: options.name, resident, external, arena: !hasHugeTensors(graph) });
  const fed = new Set(graph.inputs.map(({ name }) => name));
  return {
    session,
    inputs: trace.inputs.map(({ name }) => name).filter((name) => fed.has(feedName(name))),
    outputs: trace.outputs.map(({ name, spec }) => ({ name, spec })),
    variables: trace.variables.map(({ variable, perm, assigned }, index) => ({
      variable,
      perm,
      feed: fed.has(variableFeed(index)) ? variableFeed(index) : undefined,
      fetch: assigned === undefined ? undefined : variableFetch(index),
    })),
    baked,
    written: new Map(),
    stats: {
      signature: options.signature,
      nodes: graph.nodes.length,
      traceMilliseconds: options.traceMilliseconds,
      sessionMilliseconds: performance.now() - started,
      modelBytes: model.byteLength,
      initializerBytes: [...graph.constants.values()].reduce((total, data) => total + data.byteLength, 0),
    },
  };
}
