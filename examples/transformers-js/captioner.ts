// A Captioner made of a model that describes one picture: several frames of a part are described, and the description that the
// others agree with most is the part's. Parts of a long video are put together by `captionClip`.
import type { CallOptions } from "@noisereel/core";
import { type Captioner, framePixels } from "@noisereel/data";

/** One picture. */
export interface Picture {
  /** RGB bytes, `[H, W, 3]`. */
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

export interface ImageCaptionerOptions {
  /** Goes into the manifest as `cap_source`. */
  readonly name: string;
  /** The model: one picture to a sentence. */
  readonly describe: (picture: Picture) => Promise<string>;
  /** Frames of each part that are described. More are steadier and slower. Default 3. */
  readonly framesPerPart?: number;
  /** Words between the parts of a long video. Default "Then". */
  readonly connective?: string;
}

/** Descriptions of single frames differ by chance; the one in the middle of them is taken. */
export function imageCaptioner(options: ImageCaptionerOptions): Captioner {
  const { name, describe, framesPerPart = 3, connective = "Then" } = options;
  return {
    name,
    maxFrames: framesPerPart,
    async caption(clip, call: CallOptions = {}) {
      const said: string[] = [];
      for (let frame = 0; frame < clip.frames; frame++) {
        call.signal?.throwIfAborted();
        const { height, width } = clip;
        said.push(tidy(await describe({ pixels: framePixels(clip, frame), height, width })));
      }
      return mostTypical(said);
    },
    merge: (captions) => inOrder(captions, connective),
  };
}

/** The text that shares the most words with the others; the earliest of equals. */
export function mostTypical(texts: readonly string[]): string {
  const words = texts.map(wordsOf);
  const scores = words.map((own, i) => words.reduce((sum, other, j) => (i === j ? sum : sum + overlap(own, other)), 0));
  return texts[scores.indexOf(Math.max(...scores))] ?? "";
}

/** Captions of successive parts as one; a part that says almost what the one before said is left out. */
export function inOrder(captions: readonly string[], connective: string): string {
  const told = captions.filter((text, i) => i === 0 || overlap(wordsOf(text), wordsOf(captions[i - 1]!)) < sameThing);
  return told
    .map((text, i) => (i === 0 ? capitalised(text) : `${connective} ${text.charAt(0).toLowerCase()}${text.slice(1)}`))
    .map((text) => (/[.!?]$/.test(text) ? text : `${text}.`))
    .join(" ");
}

/** Share of common words from which on two captions say the same. */
const sameThing = 0.75;

const tidy = (text: string): string => text.trim().replace(/\s+/g, " ");
const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const wordsOf = (text: string): Set<string> => new Set(text.toLowerCase().match(/\p{L}+/gu) ?? []);

/** Common words of all words, 0 to 1. */
function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const common = [...a].filter((word) => b.has(word)).length;
  const all = a.size + b.size - common;
  return all === 0 ? 1 : common / all;
}
