// What the tests of the browser entry run in the page: the entry itself, and a count of what it leaves open.
import { BlobSource, Input, MP4, VideoSampleSink } from "mediabunny";
import * as web from "../src/web/index.js";
import { rgbToI420 } from "../src/web/i420.js";

const frames = new Set<VideoFrame>();
const coders: { readonly state: string }[] = [];
let mostFrames = 0;

const opened = (frame: VideoFrame): VideoFrame => {
  frames.add(frame);
  mostFrames = Math.max(mostFrames, frames.size);
  return frame;
};

function watch(): void {
  const close: (this: VideoFrame) => void = Reflect.get(VideoFrame.prototype, "close");
  const clone: (this: VideoFrame) => VideoFrame = Reflect.get(VideoFrame.prototype, "clone");
  VideoFrame.prototype.close = function () {
    frames.delete(this);
    close.call(this);
  };
  VideoFrame.prototype.clone = function () {
    return opened(clone.call(this));
  };
  globalThis.VideoFrame = new Proxy(VideoFrame, {
    construct: (type, parts: [never]) => opened(Reflect.construct(type, parts, type) as VideoFrame),
  });
  globalThis.VideoDecoder = new Proxy(VideoDecoder, {
    construct(type, [{ output, error }]: [VideoDecoderInit]) {
      const decoder = new type({ output: (frame) => output(opened(frame)), error });
      coders.push(decoder);
      return decoder;
    },
  });
  globalThis.VideoEncoder = new Proxy(VideoEncoder, {
    construct(type, [init]: [VideoEncoderInit]) {
      const encoder = new type(init);
      coders.push(encoder);
      return encoder;
    },
  });
  type Decode = (this: ImageDecoder, options?: ImageDecodeOptions) => Promise<ImageDecodeResult>;
  const decode: Decode = Reflect.get(ImageDecoder.prototype, "decode");
  ImageDecoder.prototype.decode = async function (options) {
    const result = await decode.call(this, options);
    opened(result.image);
    return result;
  };
}

watch();

export const page = {
  ...web,
  rgbToI420,
  blob: async (url: string): Promise<Blob> => (await fetch(url)).blob(),
  /** Frames and coders that are open now, and the most frames that were open at once since the last call. */
  leftOpen(): { frames: number; coders: number; mostFrames: number } {
    const result = {
      frames: frames.size,
      coders: coders.filter(({ state }) => state !== "closed").length,
      mostFrames,
    };
    mostFrames = frames.size;
    return result;
  },
  /** Worst and mean difference, and peak signal to noise ratio in decibels, of two equally long byte arrays. */
  compare(a: Uint8Array, b: Uint8Array): { length: boolean; max: number; mean: number; psnr: number } {
    let [max, sum, squares] = [0, 0, 0];
    for (let i = 0; i < a.length; i++) {
      const difference = Math.abs(a[i]! - b[i]!);
      max = Math.max(max, difference);
      sum += difference;
      squares += difference * difference;
    }
    const psnr = squares === 0 ? Infinity : 10 * Math.log10((255 * 255 * a.length) / squares);
    return { length: a.length === b.length, max, mean: sum / a.length, psnr };
  },
  /** The first frame of an mp4 as the browser itself converts it, RGB. */
  async convertedByBrowser(file: Blob): Promise<Uint8Array> {
    const input = new Input({ formats: [MP4], source: new BlobSource(file) });
    const [track] = await input.getVideoTracks();
    const sample = (await new VideoSampleSink(track!).getSample(0))!;
    const frame = sample.toVideoFrame();
    const bytes = new Uint8Array(frame.allocationSize({ format: "RGBA" }));
    await frame.copyTo(bytes, { format: "RGBA" });
    for (const opened of [frame, sample]) opened.close();
    input.dispose();
    return bytes.filter((_, i) => i % 4 !== 3);
  },
  async bytes(url: string): Promise<Uint8Array> {
    return new Uint8Array(await (await fetch(url)).arrayBuffer());
  },
  /** The message of what `work` throws, with the error's name before it; "" when it throws nothing. */
  async told(work: () => Promise<unknown>): Promise<string> {
    try {
      await work();
      return "";
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
  },
  async base64(file: Blob): Promise<string> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text);
  },
};

declare global {
  var page: TestPage;
}
export type TestPage = typeof page;
globalThis.page = page;
