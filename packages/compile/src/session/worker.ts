// The thread of `workerRuntime`: opens sessions of onnxruntime-node, runs them, and keeps tensors between runs.
import { parentPort } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import type { HostArray } from "./runtime.js";
import type { SentTensor, WorkerReply, WorkerRequest } from "./worker-messages.js";

const port = parentPort;
if (port === null) throw new Error("this module is started by workerRuntime as a thread");

interface Opened {
  readonly session: ort.InferenceSession;
  /** Outputs that stay here. */
  readonly resident: ReadonlySet<string>;
}

const sessions = new Map<number, Opened>();
const kept = new Map<number, ort.Tensor>();
/** Kept tensors that were freed, by type and shape: the next runs write into them. */
const spare = new Map<string, ort.Tensor[]>();
let counter = 0;
/** Requests are carried out in their order. */
let last: Promise<void> = Promise.resolve();

port.on("message", (request: WorkerRequest) => {
  last = last.then(async () => {
    if (request.type === "free") {
      free(request.handle);
      return;
    }
    const transfer: ArrayBuffer[] = [];
    const reply = await answer(request, transfer).catch((error: unknown): WorkerReply => {
      return { id: request.id, error: error instanceof Error ? error.message : String(error) };
    });
    port.postMessage(reply, transfer);
  });
});

async function answer(
  request: Exclude<WorkerRequest, { type: "free" }>,
  transfer: ArrayBuffer[],
): Promise<WorkerReply> {
  const { id } = request;
  if (request.type === "open") {
    const { preferredOutputLocation = {}, ...settings } = request.settings as ort.InferenceSession.SessionOptions;
    const session = await ort.InferenceSession.create(request.model, settings);
    sessions.set(++counter, { session, resident: new Set(Object.keys(preferredOutputLocation)) });
    return { id, session: counter };
  }
  const opened = sessions.get(request.session);
  if (opened === undefined) throw new Error("the session was released");
  if (request.type === "run") return { id, results: await run(opened, request, transfer) };
  if (request.type === "profile") {
    opened.session.endProfiling();
  } else {
    sessions.delete(request.session);
    await opened.session.release();
    if (sessions.size === 0) spare.clear();
  }
  return { id, done: true };
}

async function run(
  { session, resident }: Opened,
  request: Extract<WorkerRequest, { type: "run" }>,
  transfer: ArrayBuffer[],
): Promise<Record<string, SentTensor>> {
  const feeds = Object.fromEntries(Object.entries(request.feeds).map(([name, sent]) => [name, tensorOf(sent)]));
  const fetches = Object.fromEntries(
    request.fetches.map((name) => [name, resident.has(name) ? takeSpare(session, name) : null]),
  );
  const results = await session.run(feeds, fetches);
  return Object.fromEntries(
    request.fetches.map((name): [string, SentTensor] => {
      const tensor = results[name]!;
      if (resident.has(name)) {
        kept.set(++counter, tensor);
        return [name, { handle: counter, dims: tensor.dims }];
      }
      // Memory of ONNX Runtime cannot be transferred.
      const values = (tensor.data as HostArray).slice();
      transfer.push(values.buffer);
      return [name, { dtype: tensor.type as "float32", dims: tensor.dims, values }];
    }),
  );
}

function tensorOf(sent: SentTensor): ort.Tensor {
  if ("values" in sent) return new ort.Tensor(sent.dtype, sent.values as Float32Array, sent.dims);
  const tensor = kept.get(sent.handle);
  if (tensor === undefined) throw new Error("a tensor that is fed was freed");
  return tensor;
}

function takeSpare(session: ort.InferenceSession, name: string): ort.Tensor | null {
  const metadata = session.outputMetadata.find((output) => output.name === name);
  if (metadata?.isTensor !== true) return null;
  return spare.get(`${metadata.type}[${metadata.shape.join()}]`)?.pop() ?? null;
}

function free(handle: number): void {
  const tensor = kept.get(handle);
  if (tensor === undefined) return;
  kept.delete(handle);
  const key = `${tensor.type}[${tensor.dims.join()}]`;
  const list = spare.get(key);
  if (list === undefined) spare.set(key, [tensor]);
  else list.push(tensor);
}
