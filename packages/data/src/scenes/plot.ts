// The score curve of a video as a picture: what was compared, where it was cut, what became of it.
import type { FrameRange } from "./chunks.js";

export interface ScorePlotOptions {
  readonly scores: readonly number[];
  readonly fps: number;
  readonly threshold: number;
  readonly clips: readonly FrameRange[];
  readonly dropped?: readonly FrameRange[] | undefined;
  readonly title?: string | undefined;
  /** Pixels. Default 960 by 220. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** An SVG: clips are coloured bands, dropped parts grey, the line is the largest score in each column of pixels. */
export function scorePlot(options: ScorePlotOptions): string {
  const { scores, fps, threshold, clips, dropped = [], title = "", width = 960, height = 220 } = options;
  const [left, right, top, bottom] = [44, 12, 26, 28];
  const [plotWidth, plotHeight] = [width - left - right, height - top - bottom];
  const highest = Math.max(2 * threshold, ...columnsOf(scores, plotWidth)) * 1.05;
  const x = (frame: number): string => (left + (frame / Math.max(1, scores.length)) * plotWidth).toFixed(1);
  const y = (score: number): string => (top + (1 - score / highest) * plotHeight).toFixed(1);
  const band = ({ start, end }: FrameRange, fill: string): string =>
    `<rect x="${x(start)}" y="${top}" width="${(((end - start) / scores.length) * plotWidth).toFixed(1)}" height="${plotHeight}" fill="${fill}"/>`;
  const columns = columnsOf(scores, plotWidth);
  const line = columns
    .map((score, i) => `${(left + ((i + 0.5) / columns.length) * plotWidth).toFixed(1)},${y(score)}`)
    .join(" ");
  const seconds = scores.length / fps;
  const tick = niceStep(seconds / 8);
  const ticks = Array.from({ length: Math.floor(seconds / tick) + 1 }, (_, i) => i * tick);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fff"/><text x="${left}" y="16" font-weight="bold">${escapeXml(title)}</text>`,
    ...clips.map((range, i) => band(range, i % 2 === 0 ? "#dfe7ff" : "#ffe9d6")),
    ...dropped.map((range) => band(range, "#e4e4e7")),
    `<line x1="${left}" x2="${width - right}" y1="${y(threshold)}" y2="${y(threshold)}" stroke="#c2410c" stroke-dasharray="4 3"/>`,
    `<text x="${left - 4}" y="${y(threshold)}" text-anchor="end" dominant-baseline="middle" fill="#c2410c">${threshold}</text>`,
    `<polyline points="${line}" fill="none" stroke="#3730a3"/>`,
    `<path d="M${left} ${top}V${top + plotHeight}H${width - right}" fill="none" stroke="#888"/>`,
    ...ticks.map(
      (at) => `<text x="${x(at * fps)}" y="${height - 10}" text-anchor="middle">${Number(at.toFixed(2))} s</text>`,
    ),
    "</svg>",
  ].join("\n");
}

/** The largest score in each of at most `count` columns, so that no cut is lost in a long video. */
function columnsOf(scores: readonly number[], count: number): number[] {
  const columns = Math.min(count, scores.length);
  return Array.from({ length: columns }, (_, i) => {
    const first = Math.floor((i * scores.length) / columns);
    const last = Math.max(first + 1, Math.floor(((i + 1) * scores.length) / columns));
    let highest = 0;
    for (let frame = first; frame < last; frame++) highest = Math.max(highest, scores[frame]!);
    return highest;
  });
}

/** 1, 2 or 5 times a power of ten, not below `value`. */
function niceStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-3)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? 10 * power;
}

const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
