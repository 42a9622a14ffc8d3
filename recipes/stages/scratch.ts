// Writing something to see how long it takes.
import type { SideWork } from "@noisereel/core";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** What a stage does after its last step, for estimates: `write` gets a temporary folder, which is removed. */
export function finishing(write: (folder: string) => Promise<void>): SideWork {
  return {
    name: "finishing",
    times: 1,
    async once() {
      const folder = await mkdtemp(path.join(tmpdir(), "noisereel-finishing-"));
      try {
        await write(folder);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}
