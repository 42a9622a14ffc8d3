import { describe, expect, it } from "vitest";
import { fileKind, statedSize } from "./kind.js";
import { checkRange, chosenFrames } from "./options.js";
import { resampledFrames } from "./timeline.js";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.codePointAt(0)!);

describe("the kind of a file", () => {
  it("is what its first bytes say", () => {
    expect(fileKind(bytes("GIF89a……"))).toBe("gif");
    expect(fileKind(bytes("RIFF\n\n\n\nWEBPVP8X"))).toBe("webp");
    expect(fileKind(bytes("RIFF\0\0\0\0AVI LIST"))).toBe("avi");
    expect(fileKind(bytes("\0\0\0 ftypisom"))).toBe("video");
    expect(fileKind(new Uint8Array())).toBe("video");
  });

  it("a webm states its size, unless it was written as a stream", () => {
    const header = [0x1a, 0x45, 0xdf, 0xa3, 0x84, 1, 2, 3, 4];
    const segment = [0x18, 0x53, 0x80, 0x67];
    expect(statedSize(Uint8Array.from([...header, ...segment, 0x42, 0x10, 0]))).toBe(9 + 4 + 2 + 0x210);
    expect(statedSize(Uint8Array.from([...header, ...segment, 0x01, 0, 0, 0, 0, 0, 1, 0]))).toBe(9 + 4 + 8 + 256);
    expect(statedSize(Uint8Array.from([...header, ...segment, 0x01, ...Array<number>(7).fill(255)]))).toBeUndefined();
    expect(statedSize(Uint8Array.from([...header, ...segment]))).toBeUndefined();
    expect(statedSize(Uint8Array.from(header))).toBeUndefined();
    expect(statedSize(bytes("\0\0\0 ftypisom"))).toBeUndefined();
    expect(statedSize(new Uint8Array(64))).toBeUndefined();
  });
});

describe("frames at another rate", () => {
  const steady = (count: number, fps: number, start = 0) => ({
    times: Float64Array.from({ length: count }, (_, i) => start + i / fps),
    end: start + count / fps,
    fps,
    resolution: 90_000,
  });

  it("halving takes the later of two frames that are equally near, as ffmpeg's fps=15:round=near", () => {
    expect(resampledFrames(steady(6, 30), 15)).toEqual([0, 2, 4]);
    expect(resampledFrames(steady(5, 30), 15)).toEqual([0, 2, 4]);
    expect(resampledFrames(steady(9, 30), 10)).toEqual([1, 4, 7]);
  });

  it("more frames repeat, gaps show the frame before, the first frame is at zero", () => {
    expect(resampledFrames(steady(3, 10), 20)).toEqual([0, 0, 1, 1, 2, 2]);
    expect(resampledFrames(steady(3, 10, 0.43), 20)).toEqual([0, 0, 1, 1, 2, 2]);
    const gap = { times: Float64Array.from([0, 0.1, 0.5]), end: 0.6, fps: 5, resolution: 1000 };
    expect(resampledFrames(gap, 10)).toEqual([0, 1, 1, 1, 1, 2]);
    expect(resampledFrames(steady(1, 25), 1)).toEqual([0]);
  });
});

describe("chosen frames", () => {
  it("are a range or some of it", () => {
    expect(chosenFrames("x", 5, {})).toEqual([0, 1, 2, 3, 4]);
    expect(chosenFrames("x", 5, { start: 3, end: 9 })).toEqual([3, 4]);
    expect(chosenFrames("x", 5, { start: 1, only: [0, 2, 3] })).toEqual([1, 3, 4]);
    expect(() => chosenFrames("x", 5, { start: 5 })).toThrow("x has no frame from 5 to its end; it has 5");
    expect(() => chosenFrames("x", 5, { start: 2, only: [3] })).toThrow("x has no frame 5; it has 5");
  });

  it("options that cannot be meant are refused", () => {
    expect(() => checkRange({ start: 0.5 })).toThrow("start is 0.5");
    expect(() => checkRange({ start: 2, end: 2 })).toThrow("end is 2; use a frame number larger than start (2)");
    expect(() => checkRange({ only: [] })).toThrow("only is []");
    expect(() => checkRange({ start: 2, end: 6, only: [1, 4] })).toThrow("ascending, below 4");
    expect(() => checkRange({ start: 2, end: Infinity, only: [1, 4] })).not.toThrow();
  });
});
