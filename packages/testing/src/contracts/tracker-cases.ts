// The cases of the tracker suite. Each throws what is wrong.
import type { Clip } from "@noisereel/core";
import { assert } from "./executor-tools.js";
import type { TrackerUnderTest } from "./tracker.js";

export interface TrackerCase {
  readonly name: string;
  /** Needs to read back what was written. */
  readonly reads?: boolean;
  readonly check: (under: TrackerUnderTest) => Promise<void>;
}

/** What a train step tells. */
const values = { "loss.fit": 0.25, "gradientNorm.fit": 3.5e-3, "learningRate.fit": 1e-4, finite: 1, tensors: 12_345 };

function clipOf(frames: number): Clip {
  const pixels = Uint8Array.from({ length: frames * 6 * 4 * 3 }, (_, index) => (index * 5) % 256);
  return { id: "clip", pixels, frames, height: 6, width: 4, fps: 8, caption: "a caption" };
}

export const trackerCases: readonly TrackerCase[] = [
  {
    name: "takes numbers of any kind and size",
    async check({ open }) {
      const tracker = await open();
      await tracker.scalars(0, { "heldOut.fit": 1 });
      await tracker.scalars(1, values);
      await tracker.scalars(2, { nan: NaN, infinity: Infinity, minus: -Infinity, zero: 0, tiny: 1e-40, large: -3e38 });
      await tracker.scalars(3, {});
      await tracker.scalars(5_000_000, values);
      await tracker.close?.();
    },
  },
  {
    name: "has a name, and works without being closed",
    async check({ open }) {
      const tracker = await open();
      assert(tracker.name !== "", "name is empty");
      await tracker.scalars(1, values);
    },
  },
  {
    name: "writes nothing before it is told anything",
    reads: true,
    async check({ open, read }) {
      const tracker = await open();
      await tracker.close?.();
      assert((await read!()).length === 0, "something was written by a tracker that was told nothing");
    },
  },
  {
    name: "keeps what it was told, several calls for a step too",
    reads: true,
    async check({ open, read }) {
      const tracker = await open();
      for (const step of [1, 2]) {
        await tracker.scalars(step, { loss: step / 2, "heldOut.fit": -step });
        await tracker.scalars(step, { later: 10 * step });
      }
      await tracker.close?.();
      await expectValues(read!, [
        [1, "loss", 0.5],
        [1, "heldOut.fit", -1],
        [1, "later", 10],
        [2, "loss", 1],
        [2, "heldOut.fit", -2],
        [2, "later", 20],
      ]);
    },
  },
  {
    name: "leaves every step once after a resume",
    reads: true,
    async check({ open, read }) {
      const first = await open();
      for (const step of [1, 2]) await first.scalars(step, { loss: step });
      await first.saved?.(2);
      for (const step of [3, 4]) await first.scalars(step, { loss: step });
      const second = await open();
      for (const step of [3, 4, 5]) await second.scalars(step, { loss: 10 * step });
      await second.saved?.(5);
      await second.close?.();
      await expectValues(read!, [
        [1, "loss", 1],
        [2, "loss", 2],
        [3, "loss", 30],
        [4, "loss", 40],
        [5, "loss", 50],
      ]);
    },
  },
  {
    name: "leaves every step once when a run goes back",
    reads: true,
    async check({ open, read }) {
      const tracker = await open();
      await tracker.scalars(1, { loss: 1 });
      await tracker.saved?.(1);
      for (const step of [2, 3]) await tracker.scalars(step, { loss: step });
      for (const step of [2, 3]) await tracker.scalars(step, { loss: 10 * step });
      await tracker.saved?.(3);
      await tracker.close?.();
      await expectValues(read!, [
        [1, "loss", 1],
        [2, "loss", 20],
        [3, "loss", 30],
      ]);
    },
  },
  {
    name: "leaves every step once when the newest checkpoint is lost",
    reads: true,
    async check({ open, read }) {
      const first = await open();
      await first.saved?.(0);
      for (const step of [1, 2, 3, 4]) {
        await first.scalars(step, { loss: step });
        await first.saved?.(step);
      }
      const second = await open();
      for (const step of [3, 4]) await second.scalars(step, { loss: 10 * step });
      await second.saved?.(4);
      // And in one process, as a rollback behind the newest checkpoint does.
      for (const step of [2, 3]) await second.scalars(step, { loss: 100 * step });
      await second.saved?.(3);
      await second.close?.();
      await expectValues(read!, [
        [1, "loss", 1],
        [2, "loss", 200],
        [3, "loss", 300],
      ]);
    },
  },
  {
    name: "takes clips and single frames, and leaves them alone",
    async check({ open }) {
      const tracker = await open();
      if (tracker.clip === undefined) return;
      for (const frames of [5, 1]) {
        const clip = clipOf(frames);
        await tracker.clip(3, `sample-${frames}`, clip);
        const before = clipOf(frames).pixels;
        assert(
          clip.pixels.every((value, index) => value === before[index]),
          "the clip's pixels were changed",
        );
      }
      await tracker.scalars(4, values);
      await tracker.close?.();
    },
  },
];

async function expectValues(
  read: NonNullable<TrackerUnderTest["read"]>,
  expected: readonly (readonly [step: number, name: string, value: number])[],
): Promise<void> {
  const found = await read();
  const line = (step: number, name: string, value: number): string => `${step} ${name} ${Number(value.toPrecision(6))}`;
  const text = (lines: string[]): string => lines.toSorted((a, b) => (a < b ? -1 : 1)).join("; ");
  const own = text(found.map(({ step, name, value }) => line(step, name, value)));
  const wanted = text(expected.map(([step, name, value]) => line(step, name, value)));
  assert(own === wanted, `read back ${own || "nothing"} in place of ${wanted}`);
}
