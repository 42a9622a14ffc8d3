// What ffmpeg's log says about a file.

/** Frames a second of the input's video stream as ffmpeg prints it, or undefined when it does not. */
export function frameRateFromLog(log: readonly string[]): number | undefined {
  const stream = inputVideoLine(log);
  if (stream === undefined) return undefined;
  const match = /([\d.]+)(k?) fps/.exec(stream) ?? /([\d.]+)(k?) tbr/.exec(stream);
  const rate = match === null ? NaN : Number(match[1]) * (match[2] === "k" ? 1000 : 1);
  return rate > 0 ? rate : undefined;
}

/** The codec's name, for example `h264`. */
export function codecFromLog(log: readonly string[]): string | undefined {
  const match = /Video: (\w+)/.exec(inputVideoLine(log) ?? "");
  return match?.[1];
}

/** Seconds that the container states, or undefined when it states none. */
export function durationFromLog(log: readonly string[]): number | undefined {
  const match = log.map((line) => /Duration: (\d+):(\d+):([\d.]+)/.exec(line)).find((found) => found !== null);
  if (match === undefined || match === null) return undefined;
  return Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]);
}

/** Height and width of the decoded frames: of the output, so after rotation. */
export function sizeFromLog(log: readonly string[]): { readonly height: number; readonly width: number } | undefined {
  const start = log.findIndex((line) => line.includes("Output #0"));
  const line = log.slice(Math.max(start, 0)).find((text) => text.includes("Video:"));
  const match = /Video: .*?, (\d+)x(\d+)/.exec(line ?? "");
  return match === null ? undefined : { height: Number(match[2]), width: Number(match[1]) };
}

function inputVideoLine(log: readonly string[]): string | undefined {
  const start = log.findIndex((line) => line.includes("Input #0"));
  return log.slice(Math.max(start, 0)).find((line) => line.includes("Stream #0") && line.includes("Video:"));
}
