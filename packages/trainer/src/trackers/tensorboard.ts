// TensorBoard's event files, written without TensorFlow. Field numbers are those of event.proto and summary.proto.
import { ConfigError, type Tracker } from "@noisereel/core";
import { appendFile, mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { filmStrip } from "./png.js";
import { bytes, double, type Field, float, integer, join, message, text } from "./protobuf.js";
import { tfRecord } from "./tfrecord.js";

export interface TensorboardOptions {
  /** Put before every name with a slash, e.g. "stage-1". Default none. */
  readonly prefix?: string;
}

/**
 * Writes one event file into `folder` for each tracker made. It begins with a session start at its first step, and has
 * another where a run went back, at which TensorBoard drops what had been written beyond it. Clips are shown as strips of frames.
 */
export function tensorboardTracker(folder: string, options: TensorboardOptions = {}): Tracker {
  const named = (name: string): string => (options.prefix === undefined ? name : `${options.prefix}/${name}`);
  let file: string | undefined;
  let last = 0;

  async function write(step: number, fields: readonly Field[]): Promise<void> {
    if (!(Number.isSafeInteger(step) && step >= 0)) {
      throw new ConfigError(`step is ${step}; use a whole number of 0 or more`);
    }
    const records: Uint8Array[] = [];
    const restart = (): Field => event(step, message(7, [integer(1, sessionStart)]));
    if (file === undefined) {
      await mkdir(folder, { recursive: true });
      const now = Date.now();
      file = path.join(
        folder,
        `events.out.tfevents.${Math.floor(now / 1000)}.${hostname()}.${process.pid}.${now % 1000}`,
      );
      records.push(event(undefined, text(3, "brain.Event:2")), restart());
    } else if (step < last) records.push(restart());
    last = step;
    records.push(event(step, message(5, fields)));
    await appendFile(file, join(records));
  }

  return {
    name: "tensorboard",
    async scalars(step, values) {
      const entries = Object.entries(values);
      if (entries.length === 0) return;
      await write(
        step,
        entries.map(([name, value]) => message(1, [text(1, named(name)), float(2, value)])),
      );
    },
    async clip(step, key, clip) {
      const { png, height, width } = filmStrip(clip);
      const image = message(4, [integer(1, height), integer(2, width), integer(3, 3), bytes(4, png)]);
      await write(step, [message(1, [text(1, named(key)), image])]);
    },
  };
}

/** SessionLog.SessionStatus.START */
const sessionStart = 1;

function event(step: number | undefined, body: Field): Uint8Array {
  const numbered = step === undefined ? [] : [integer(2, step)];
  return tfRecord(join([double(1, Date.now() / 1000), ...numbered, body]));
}
