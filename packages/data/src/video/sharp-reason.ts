// libvips' messages as part of a sentence of ours.
import { temporaryPrefix } from "@noisereel/core/node";

/** The first line, without the name of the temporary file; a failed write says what is usually behind it. */
export function sharpReason(cause: unknown): string {
  const line = (cause as Error).message.split("\n")[0]!;
  const reason = line.includes(temporaryPrefix) ? line.slice(line.lastIndexOf(": ") + 2) : line;
  return reason === "write error" ? "write error; is the disk full?" : reason;
}
