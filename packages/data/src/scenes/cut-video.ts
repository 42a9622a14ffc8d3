// One long video to clips: cuts found, long scenes divided, pieces stitched. A clip is a range of frames; nothing is written.
import { type CallOptions, ConfigError } from "@noisereel/core";
import { probeVideo } from "../ffmpeg/probe.js";
import type { ProcessOptions } from "../ffmpeg/process.js";
import type { ManifestEntry } from "../manifest/schema.js";
import type { VideoFrame } from "../video/frame.js";
import { videoFrames } from "../video/frames.js";
import { type FrameRange, sceneChunks } from "./chunks.js";
import { detectScenes, type DetectScenesOptions } from "./detect.js";
import type { FrameEmbedding } from "./embedding.js";
import { type PieceVectors, stitchScenes, type StitchOptions, vectorFrames } from "./stitch.js";

export interface CutVideoOptions
  extends DetectScenesOptions, CallOptions, Pick<ProcessOptions, "ffmpeg" | "stallSeconds"> {
  /** Scenes longer than this and two seconds are divided into pieces of it. Default 5; `Infinity` leaves them whole. */
  readonly chunkSeconds?: number | undefined;
  /** Joins pieces that belong together and drops transitions and stills. Default: pieces stay as they are. */
  readonly stitch?: (Omit<StitchOptions, "fps" | "thresholds"> & { readonly embedding: FrameEmbedding }) | undefined;
  /** Lets ffmpeg scale frames to this width before they are compared: faster for large files, scores differ a little. Default: no. */
  readonly decodeWidth?: number | undefined;
}

export interface CutVideo {
  readonly file: string;
  readonly frames: number;
  readonly fps: number;
  readonly height: number;
  readonly width: number;
  readonly scores: readonly number[];
  /** Scenes between cuts, before they were divided and stitched. */
  readonly scenes: readonly FrameRange[];
  readonly clips: readonly FrameRange[];
  readonly dropped: readonly (FrameRange & { readonly reason: string })[];
}

/** Flashes are no cuts and fades through black are, unless told otherwise; everything else is as in `detectScenes`. */
export async function cutVideo(file: string, options: CutVideoOptions = {}): Promise<CutVideo> {
  const { chunkSeconds = 5, stitch, decodeWidth, ffmpeg, stallSeconds, signal, onProgress } = options;
  if (!(chunkSeconds > 0)) throw new ConfigError(`chunkSeconds is ${chunkSeconds}; use a positive number of seconds`);
  const reading = { ffmpeg, stallSeconds, signal };
  const facts = await probeVideo(file, { ...reading, count: false });
  const { fps, height, width } = facts;
  const size =
    decodeWidth === undefined || decodeWidth >= width
      ? undefined
      : { width: decodeWidth, height: Math.max(1, Math.round((height * decodeWidth) / width)) };
  const expected = Math.round((facts.seconds ?? 0) * fps);
  async function* counted(): AsyncGenerator<VideoFrame> {
    for await (const frame of videoFrames(file, { ...reading, size })) {
      yield frame;
      if (frame.index % 100 === 99) {
        onProgress?.({ type: "load", file, loaded: frame.index + 1, ...(expected > 0 ? { total: expected } : {}) });
      }
    }
  }
  const found = await detectScenes(counted(), { flashFrames: 5, fadeLevel: 16, ...options });
  const ends = found.scenes.map(({ end }) => end);
  const pieces = Number.isFinite(chunkSeconds) ? sceneChunks(ends, { fps, seconds: chunkSeconds }) : found.scenes;
  const result = { file, frames: found.scores.length, fps, height, width, scores: found.scores, scenes: found.scenes };
  if (stitch === undefined) return { ...result, clips: pieces, dropped: [] };
  const { embedding, ...stitching } = stitch;
  const vectors = await vectorsOf(pieces, videoFrames(file, { ...reading, size }), embedding, { signal });
  return { ...result, ...stitchScenes(pieces, vectors, { ...stitching, fps, thresholds: embedding.thresholds }) };
}

/** Vectors of two frames of each piece, in one pass over the video. */
async function vectorsOf(
  pieces: readonly FrameRange[],
  frames: AsyncIterable<VideoFrame>,
  embedding: FrameEmbedding,
  call: CallOptions,
): Promise<PieceVectors[]> {
  const wanted = new Set(pieces.flatMap((piece) => Object.values(vectorFrames(piece))));
  const vectors = new Map<number, Float32Array>();
  for await (const frame of frames) {
    if (!wanted.has(frame.index)) continue;
    const [vector] = await embedding.embed([frame], call);
    if (vector === undefined) throw new ConfigError(`the embedding ${embedding.name} gave no vector for a frame`);
    vectors.set(frame.index, vector);
    if (vectors.size === wanted.size) break;
  }
  return pieces.map((piece) => {
    const at = vectorFrames(piece);
    return { start: vectors.get(at.start)!, end: vectors.get(at.end)! };
  });
}

/** The clips as entries of a manifest: ranges of the file, which stays as it is. */
export function cutEntries(cut: CutVideo): ManifestEntry[] {
  const { file, fps, height, width } = cut;
  return cut.clips.map(({ start, end }, index) => ({
    id: `${file}@${start}-${end}`,
    path: file,
    part: undefined,
    member: undefined,
    captions: [],
    captionSources: [],
    type: "video",
    start,
    end,
    stated: {
      frames: end - start,
      fps,
      width,
      height,
      seconds: Number(((end - start) / fps).toFixed(3)),
      sha256: undefined,
    },
    tags: [],
    columns: {},
    line: index + 1,
  }));
}
