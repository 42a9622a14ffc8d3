// The thread that loads clips: makes its own pipeline from the module it is told and answers one request after another.
import { parentPort, workerData } from "node:worker_threads";
import { type Clip, ClipError, ConfigError, createRng, type Example } from "@noisereel/core";
import { useLauncher } from "../ffmpeg/launcher.js";
import { type ClipPipeline, loadExample } from "./load-example.js";
import type { WorkerReply, WorkerRequest, WorkerSetup } from "./messages.js";

const port = parentPort;
if (port === null) throw new Error("this module is started by the loader as a worker thread");
const setup = workerData as WorkerSetup;
useLauncher();
const opened = openPipeline(setup);
opened.catch(() => undefined); // told with the first request

port.on("message", (request: WorkerRequest) => {
  void answer(request).then(({ reply, transfer }) => port.postMessage(reply, transfer));
});

async function openPipeline({ module: url, data }: WorkerSetup): Promise<ClipPipeline> {
  const loaded = (await import(url)) as {
    readonly createPipeline?: (data: unknown) => ClipPipeline | Promise<ClipPipeline>;
  };
  if (typeof loaded.createPipeline !== "function") {
    throw new ConfigError(
      `workers.module ${url} exports no function createPipeline; export one that returns { source, transform }`,
    );
  }
  return loaded.createPipeline(data);
}

async function answer(request: WorkerRequest): Promise<{ reply: WorkerReply; transfer: ArrayBuffer[] }> {
  const { id, index, bucket } = request;
  try {
    const draws = createRng(0);
    draws.restore(request.draws);
    const example = owned(await loadExample(await opened, { index, bucket, draws }, {}));
    const transfer = [example.video, ...example.stills].map(({ pixels }) => pixels.buffer as ArrayBuffer);
    return { reply: { id, example }, transfer };
  } catch (error) {
    const { message, stack } = error as Error;
    const clipError = ClipError.isInstance(error) ? (error as ClipError) : undefined;
    const kind = clipError !== undefined ? "clip" : ConfigError.isInstance(error) ? "config" : "other";
    return { reply: { id, kind, message, clipId: clipError?.id, path: clipError?.path, stack }, transfer: [] };
  }
}

/** Pixels in memory of their own: a source may keep the clip, and what is transferred is gone here. */
function owned({ video, stills }: Example): Example {
  const copy = (clip: Clip): Clip => ({ ...clip, pixels: clip.pixels.slice() });
  return { video: copy(video), stills: stills.map(copy) };
}
