// Captions by a model, and how a model that sees a few pictures describes a long video.
import { type CallOptions, type Clip, ConfigError, type MaybePromise } from "@noisereel/core";
import { selectFrames } from "../clip.js";
import { stripCaptionPrefix } from "./prefix.js";

/** A plugin point: pictures to a sentence. */
export interface Captioner {
  /** Written into `cap_source`. */
  readonly name: string;
  /** Pictures that it can look at together. */
  readonly maxFrames: number;
  /** Describes the frames of `clip` as one scene. */
  caption(clip: Clip, options?: CallOptions): MaybePromise<string>;
  /** Makes one caption of those of successive parts. Default: they are put after each other, repetitions left out. */
  merge?(captions: readonly string[], options?: CallOptions): MaybePromise<string>;
}

export interface CaptionClipOptions extends CallOptions {
  /** A clip longer than this is described in parts of at most this many seconds. Default 5. */
  readonly secondsPerPart?: number | undefined;
  /** Takes off beginnings such as "This video shows". Default true. */
  readonly stripPrefix?: boolean | undefined;
}

export interface ClipCaption {
  readonly caption: string;
  /** The captioner's name. */
  readonly source: string;
  /** What was said of each part, in order. */
  readonly parts: readonly { readonly start: number; readonly end: number; readonly caption: string }[];
}

/** Describes a clip: each part by as many evenly spaced frames as the captioner takes, then all parts together. */
export async function captionClip(
  clip: Clip,
  captioner: Captioner,
  options: CaptionClipOptions = {},
): Promise<ClipCaption> {
  const { secondsPerPart = 5, stripPrefix = true, signal, onProgress } = options;
  if (!(secondsPerPart > 0)) throw new ConfigError(`secondsPerPart is ${secondsPerPart}; use a positive number`);
  if (!Number.isInteger(captioner.maxFrames) || captioner.maxFrames < 1) {
    throw new ConfigError(
      `captioner ${captioner.name} takes ${captioner.maxFrames} frames; maxFrames must be a positive integer`,
    );
  }
  const count = clip.frames === 1 ? 1 : Math.max(1, Math.ceil(clip.frames / clip.fps / secondsPerPart - 1e-9));
  const parts: { start: number; end: number; caption: string }[] = [];
  for (let part = 0; part < count; part++) {
    signal?.throwIfAborted();
    const [start, end] = [part, part + 1].map((i) => Math.floor((i * clip.frames) / count)) as [number, number];
    const seen = selectFrames(clip, evenly(start, end, captioner.maxFrames));
    const said = (await captioner.caption(seen, { signal })).trim();
    parts.push({ start, end, caption: stripPrefix ? stripCaptionPrefix(said) : said });
    onProgress?.({ type: "clip", index: part + 1, count });
  }
  const texts = parts.map(({ caption }) => caption).filter((text, i, all) => text !== "" && text !== all[i - 1]);
  const merged =
    texts.length > 1 && captioner.merge !== undefined ? await captioner.merge(texts, { signal }) : texts.join(" ");
  return { caption: merged, source: captioner.name, parts };
}

/** Middles of `count` equal stretches, or every frame when there are not that many. */
function evenly(start: number, end: number, count: number): number[] {
  const frames = end - start;
  if (frames <= count) return Array.from({ length: frames }, (_, i) => start + i);
  return Array.from({ length: count }, (_, i) => start + Math.floor(((i + 0.5) * frames) / count));
}
