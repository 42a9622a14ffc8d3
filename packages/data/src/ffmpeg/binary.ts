// Which ffmpeg to run. It is a separate program, found when it is needed and never bundled.
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "@noisereel/core";

export interface FfmpegBinary {
  readonly path: string;
  /** Where it was found. */
  readonly origin: "option" | "NOISEREEL_FFMPEG" | "PATH" | "@ffmpeg-installer/ffmpeg";
}

export interface FfmpegOptions {
  /** Path of the ffmpeg program. Default: `NOISEREEL_FFMPEG`, then `ffmpeg` on PATH, then `@ffmpeg-installer/ffmpeg`. */
  readonly ffmpeg?: string | undefined;
}

/** Finds ffmpeg. A path that is given but cannot be run is an error, not a reason to look further. */
export async function findFfmpeg(
  options: FfmpegOptions & { readonly environment?: Readonly<NodeJS.ProcessEnv> } = {},
): Promise<FfmpegBinary> {
  const environment = options.environment ?? process.env;
  const given = [
    ["option", options.ffmpeg, "the option ffmpeg"],
    ["NOISEREEL_FFMPEG", environment["NOISEREEL_FFMPEG"], "the environment variable NOISEREEL_FFMPEG"],
  ] as const;
  for (const [origin, file, name] of given) {
    if (file === undefined || file === "") continue;
    if (await isProgram(file)) return { path: file, origin };
    throw new ConfigError(`${name} is ${file}, which is no program that can be run; correct it or leave it out`);
  }
  const folders = (environment["PATH"] ?? "").split(path.delimiter).filter((folder) => folder !== "");
  const name = process.platform === "win32" ? "ffmpeg.exe" : "ffmpeg";
  for (const folder of folders) {
    const file = path.join(folder, name);
    if (await isProgram(file)) return { path: file, origin: "PATH" };
  }
  const installed = await installedFfmpeg();
  if (typeof installed === "string") return { path: installed, origin: "@ffmpeg-installer/ffmpeg" };
  throw new ConfigError(
    `no ffmpeg was found: NOISEREEL_FFMPEG is not set, none of the ${folders.length} folders of PATH holds ${name}, and the ` +
      `package @ffmpeg-installer/ffmpeg is not usable (${installed.reason}). Install ffmpeg, or set NOISEREEL_FFMPEG to its path`,
  );
}

const isProgram = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );

/** The optional package throws when it has no binary for this platform; then the reason is returned. */
async function installedFfmpeg(): Promise<string | { readonly reason: string }> {
  try {
    const { default: installer } = (await import("@ffmpeg-installer/ffmpeg")) as { default: { path: string } };
    return (await isProgram(installer.path)) ? installer.path : { reason: `${installer.path} cannot be run` };
  } catch (error) {
    return { reason: (error as Error).message.split("\n")[0]! };
  }
}
