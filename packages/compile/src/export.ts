// Writes a function as an .onnx file that any ONNX Runtime can run, without this package and without tfjs.
import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { once } from "node:events";
import type * as tf from "@tensorflow/tfjs";
import { CompileError } from "./errors.js";
import { mergeCommonSubexpressions } from "./graph/common-subexpressions.js";
import { removeDeadCode } from "./graph/dead-code.js";
import { BatchDependence, freeBatch } from "./graph/dynamic-batch.js";
import type { ConstantData, Graph } from "./graph/graph.js";
import { separateOutputs } from "./graph/unique-outputs.js";
import { encodeModel } from "./onnx/encode.js";
import type { ExternalLocation } from "./onnx/encode.js";
import { bakeInputs } from "./session/program.js";
import { layOut } from "./session/variables.js";
import { tensorType } from "./trace/backend.js";
import { traceFunction } from "./trace/trace.js";
import type { TensorFunction, TensorSpec, Trace } from "./trace/trace.js";

export interface ExportOptions {
  /** Name of the graph. Default: the function's own name. */
  readonly name?: string | undefined;
  /** Where to write the model. Weights beyond 2 GB, or all with `externalData`, go to `<path>.data` beside it. */
  readonly path?: string | undefined;
  /** Store the weights in a second file even if they would fit into the model. Needs `path`. */
  readonly externalData?: boolean | undefined;
  /** Leave the first axis of every input and output open. Refused where the function depends on the batch size. */
  readonly dynamicBatch?: boolean | undefined;
  /** Key-value pairs stored in the model. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Protobuf cannot hold more than 2 GiB; the graph itself needs some of it. */
const LARGEST_MODEL = 2 ** 31 - 2 ** 26;
/** Tensors smaller than this stay in the model when weights are external. */
const SMALLEST_EXTERNAL = 1024;

/**
 * Traces `fn` for the shapes of `exampleInputs` and returns the model's bytes, which are also written to `path` if one
 * is given. Variables become weights; inputs and outputs keep the names that `fn` uses.
 */
export async function exportOnnx(
  fn: TensorFunction,
  exampleInputs: Readonly<Record<string, tf.Tensor>>,
  options: ExportOptions = {},
): Promise<Uint8Array> {
  if (options.externalData === true && options.path === undefined) {
    throw new CompileError("exportOnnx: externalData needs a path to put the second file beside.");
  }
  const specs = Object.fromEntries(
    Object.entries(exampleInputs).map(([name, { shape, dtype }]): [string, TensorSpec] => [
      name,
      { shape, dtype: tensorType(dtype, `The input "${name}"`) },
    ]),
  );
  const trace = traceFunction(fn, specs);
  let graph = exportGraph(trace);
  if (options.dynamicBatch === true) graph = openBatch(fn, specs, graph);
  const weights = new Map<Graph["inputs"][number]["edge"], ConstantData>();
  for (const { variable, perm, read } of trace.variables) {
    if (read !== undefined) weights.set(read, await layOut(variable, perm));
  }
  graph = bakeInputs(graph, weights);
  const total = [...graph.constants.values()].reduce((bytes, data) => bytes + data.byteLength, 0);
  const external = options.externalData === true || total > LARGEST_MODEL;
  if (external && options.path === undefined) {
    throw new CompileError(`exportOnnx: ${total} bytes of weights do not fit into one ONNX file. Give a path.`);
  }
  const layout = external ? externalLayout(graph, `${basename(options.path!)}.data`) : undefined;
  const model = encodeModel(graph, {
    graphName: options.name ?? (fn.name === "" ? "graph" : fn.name),
    metadata: options.metadata,
    external: layout && ((data) => layout.get(data)),
    dynamicAxes: options.dynamicBatch === true ? batchAxes(graph) : undefined,
  });
  if (options.path !== undefined) {
    if (layout !== undefined) await writeExternal(`${options.path}.data`, layout.keys());
    await writeFile(options.path, model);
  }
  return model;
}

function exportGraph(trace: Trace): Graph {
  for (const { variable, assigned } of trace.variables) {
    if (assigned === undefined) continue;
    throw new CompileError(
      `exportOnnx: the function assigns the variable "${variable.name}", and an .onnx file has no state. Export a function that only reads.`,
      { tensor: variable.name },
    );
  }
  const inputNames = new Set(trace.inputs.map(({ name }) => name));
  const clash = trace.outputs.find(({ name }) => inputNames.has(name));
  if (clash !== undefined) {
    throw new CompileError(
      `exportOnnx: "${clash.name}" names an input and an output; ONNX needs different names. Rename one.`,
      { tensor: clash.name },
    );
  }
  return separateOutputs(
    removeDeadCode(
      mergeCommonSubexpressions({
        nodes: trace.nodes,
        constants: trace.constants,
        inputs: [
          ...trace.inputs,
          ...trace.variables.flatMap(({ variable, read }) =>
            read === undefined ? [] : [{ name: variable.name, edge: read }],
          ),
        ],
        outputs: trace.outputs.map(({ name, edge }) => ({ name, edge })),
      }),
    ),
  );
}

function openBatch(fn: TensorFunction, specs: Readonly<Record<string, TensorSpec>>, graph: Graph): Graph {
  // Two other batch sizes would agree by chance only if a shape held both; one more than the example is enough.
  const larger = Object.fromEntries(
    Object.entries(specs).map(([name, { shape, dtype }]): [string, TensorSpec] => [
      name,
      { shape: [(shape[0] ?? 0) + 1, ...shape.slice(1)], dtype },
    ]),
  );
  try {
    return freeBatch(graph, exportGraph(traceFunction(fn, larger)));
  } catch (cause) {
    if (!(cause instanceof BatchDependence)) throw cause;
    throw new CompileError(
      `exportOnnx: the batch size cannot be left open, because ${cause.message}. Export without dynamicBatch, once for each size.`,
      { cause },
    );
  }
}

function batchAxes(graph: Graph): Record<string, Record<number, string>> {
  return Object.fromEntries([...graph.inputs, ...graph.outputs].map(({ name }) => [name, { 0: "batch" }]));
}

function externalLayout(graph: Graph, location: string): Map<ConstantData, ExternalLocation> {
  const layout = new Map<ConstantData, ExternalLocation>();
  let offset = 0;
  for (const data of graph.constants.values()) {
    if (data.byteLength < SMALLEST_EXTERNAL || layout.has(data)) continue;
    layout.set(data, { location, offset, length: data.byteLength });
    offset += data.byteLength;
  }
  return layout;
}

async function writeExternal(path: string, tensors: Iterable<ConstantData>): Promise<void> {
  const stream = createWriteStream(path);
  const finished = once(stream, "finish");
  for (const { buffer, byteOffset, byteLength } of tensors) {
    if (!stream.write(new Uint8Array(buffer, byteOffset, byteLength))) await once(stream, "drain");
  }
  stream.end();
  await finished;
}
