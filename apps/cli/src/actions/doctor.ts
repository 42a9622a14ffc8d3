// What this machine is and has, beyond the tfjs backends that core inspects.
import { doctor, type DoctorReport } from "@noisereel/core";
import { findFfmpeg } from "@noisereel/data";
import * as tf from "@tensorflow/tfjs";
import os from "node:os";
import { alignColumns } from "../format.js";

export interface MachineReport extends DoctorReport {
  readonly cores: number;
  readonly memory: { readonly totalMiB: number; readonly freeMiB: number };
  readonly ffmpeg:
    | { readonly found: true; readonly path: string; readonly origin: string }
    | { readonly found: false; readonly detail: string };
}

export async function inspectMachine(): Promise<MachineReport> {
  tf.enableProdMode(); // tfjs prints no advice about itself
  const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
  return {
    ...(await doctor()),
    cores: os.availableParallelism(),
    memory: { totalMiB: mebibytes(os.totalmem()), freeMiB: mebibytes(os.freemem()) },
    ffmpeg: await findFfmpeg().then(
      ({ path, origin }) => ({ found: true, path, origin }) as const,
      (error: Error) => ({ found: false, detail: error.message }) as const,
    ),
  };
}

export function machineTable(report: MachineReport): string[] {
  const { runtime, platform, cores, memory, backends, packages, ffmpeg } = report;
  const mark = (available: boolean): string => (available ? "✓" : "✗");
  return [
    "machine",
    ...alignColumns([
      ["runtime", `${runtime}, ${platform}`],
      ["cores", String(cores)],
      ["memory", `${memory.freeMiB} of ${memory.totalMiB} MiB free`],
    ]),
    "",
    "tfjs backends",
    ...alignColumns(
      backends.map(({ name, available, detail, inferenceOnly }) => [
        mark(available),
        name,
        inferenceOnly === true ? `${detail} (for sampling only, it cannot train)` : detail,
      ]),
    ),
    "",
    "packages and programs",
    ...alignColumns([
      ...packages.map(({ name, available, detail }) => [mark(available), name, detail]),
      ffmpeg.found
        ? [mark(true), "ffmpeg", `${ffmpeg.path} (from ${ffmpeg.origin})`]
        : [mark(false), "ffmpeg", ffmpeg.detail],
    ]),
  ];
}
