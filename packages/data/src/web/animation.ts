// GIF and animated WebP through the browser's own picture decoder.
import { ClipError } from "@noisereel/core";
import type { FoundFile } from "./file.js";
import type { VideoFrame } from "../video/frame.js";
import { checkPixels, chosenFrames, type FrameRangeOptions } from "./options.js";
import { planesToRgb } from "./pixels.js";

/**
 * The frames of a gif or webp one after the other; transparent parts become white. Frames shown for different times count
 * once each, and the rate is that of their mean.
 */
export async function* animationFrames(file: FoundFile, options: FrameRangeOptions): AsyncGenerator<VideoFrame> {
  const { signal } = options;
  const { name } = file;
  const failed = (cause: unknown): unknown => {
    if (signal?.aborted === true) return signal.reason;
    const reason = (cause as Error).message.replace(/\.$/, "");
    return new ClipError(`cannot read ${name}: ${reason}; the file is damaged or cut short`, { path: name, cause });
  };
  const decoder = await openDecoder(file).catch((cause: unknown) => {
    throw ClipError.isInstance(cause) ? cause : failed(cause);
  });
  try {
    const { count, fps } = await animationFacts(decoder).catch((cause: unknown) => {
      throw failed(cause);
    });
    for (const [index, frameIndex] of chosenFrames(name, count, options).entries()) {
      signal?.throwIfAborted();
      const { image } = await decoder.decode({ frameIndex }).catch((cause: unknown) => {
        throw failed(cause);
      });
      try {
        const { displayHeight: height, displayWidth: width } = image;
        checkPixels(name, height, width, options.maxPixels);
        const bytes = new Uint8Array(image.allocationSize({ format: "RGBA" }));
        const layout = await image.copyTo(bytes, { format: "RGBA" });
        const planes = { format: "RGBA", height, width, bytes, layout };
        yield { index, height, width, fps, pixels: planesToRgb(planes, { matrix: null, fullRange: null }) };
      } finally {
        image.close();
      }
    }
  } finally {
    decoder.close();
  }
}

async function openDecoder({ name, kind, blob }: FoundFile): Promise<ImageDecoder> {
  if (typeof ImageDecoder === "undefined") {
    throw new ClipError(
      `cannot read ${name}: this browser offers no ImageDecoder for ${kind} files; convert it to mp4 or webm, or use another browser`,
      { path: name },
    );
  }
  const decoder = new ImageDecoder({ data: await (await blob()).arrayBuffer(), type: `image/${kind}` });
  try {
    await decoder.completed;
    await decoder.tracks.ready;
    return decoder;
  } catch (cause) {
    decoder.close();
    throw cause;
  }
}

/** Decodes every frame once: only then it is known that all are sound, and how long they are shown. */
async function animationFacts(decoder: ImageDecoder): Promise<{ readonly count: number; readonly fps: number }> {
  const count = decoder.tracks.selectedTrack?.frameCount ?? 0;
  const seconds: number[] = [];
  for (let frameIndex = 0; frameIndex < count; frameIndex++) {
    const { image } = await decoder.decode({ frameIndex });
    if ((image.duration ?? 0) > 0) seconds.push(image.duration! / 1e6);
    image.close();
  }
  const mean = seconds.reduce((sum, value) => sum + value, 0) / seconds.length;
  return { count, fps: seconds.length === 0 ? 10 : Number((1 / mean).toFixed(4)) }; // browsers show files without times at 10
}
