// How well clips keep a frame that they are given: the figures of report.json, and a page.
import { escapeHtml, htmlPageOf, htmlTable, markdownTable, videoCell } from "./page.js";

export interface GivenFrameFigures {
  readonly id: string;
  readonly caption: string;
  /** `first`: the frame that the clip began with in training. `last`: the last one of the file. */
  readonly which: string;
  /** Of `given.mp4` (one frame), `with.mp4` and `without.mp4`, relative to the page. */
  readonly folder: string;
  /** Of each clip. */
  readonly frames: number;
  /** Decibels between the given frame and the first one of a clip that was given it. */
  readonly psnrWith: number;
  /** The same of a clip from the same prompt and seed that was not. */
  readonly psnrWithout: number;
  /** Of the given frame after encoding and decoding: as near as a clip can come. */
  readonly psnrOfAutoencoder: number;
}

export interface ImageToVideoReport {
  /** The run whose autoencoder was used, relative to the report. */
  readonly run: string;
  readonly frames: readonly GivenFrameFigures[];
}

/** Means over all clips, in Markdown. */
export function imageToVideoTable({ frames }: ImageToVideoReport): string {
  const mean = (values: readonly number[]) =>
    (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(1);
  const rows = [...new Set(frames.map(({ which }) => which))].map((which) => {
    const own = frames.filter((each) => each.which === which);
    return [
      which,
      mean(own.map(({ psnrWithout }) => psnrWithout)),
      mean(own.map(({ psnrWith }) => psnrWith)),
      mean(own.map(({ psnrOfAutoencoder }) => psnrOfAutoencoder)),
    ];
  });
  return markdownTable([["given frame", "without it (dB)", "with it (dB)", "autoencoder alone (dB)"], ...rows]);
}

/** A row for each given frame. */
export function imageToVideoHtml({ frames }: ImageToVideoReport): string {
  const decibels = (value: number) => `first frame ${value.toFixed(1)} dB`;
  return htmlPageOf({
    title: "Image to video",
    introduction:
      "Clips from a prompt, with a given first frame and without it. PSNR between the given frame and the clip's first one.",
    body: htmlTable(
      ["caption", "given", "with it", "without it"],
      frames.map(({ caption, which, folder, psnrWith, psnrWithout, psnrOfAutoencoder }) => [
        escapeHtml(caption),
        videoCell(`${folder}/given.mp4`, `${which}; autoencoder ${psnrOfAutoencoder.toFixed(1)} dB`),
        videoCell(`${folder}/with.mp4`, decibels(psnrWith)),
        videoCell(`${folder}/without.mp4`, decibels(psnrWithout)),
      ]),
    ),
  });
}
