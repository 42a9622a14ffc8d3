import { expect, it } from "vitest";
import { fakeStudio } from "../test/fake-run.js";
import { JobQueue, type JobWork } from "./job-queue.js";
import type { Job } from "./protocol.js";
import { readParameters } from "./request.js";

const parameters = (seed: number): Job["parameters"] => readParameters({ prompt: "x", seed }, fakeStudio());
const result = { url: "/x.mp4", kind: "video", seconds: 1 } as const;

/** Work that ends when the test says so. */
function manualWork(): { work: JobWork; finish: Map<number, (error?: Error) => void> } {
  const finish = new Map<number, (error?: Error) => void>();
  const work: JobWork = (job, { signal }) =>
    new Promise((resolve, reject) => {
      finish.set(job.parameters.seed, (error) => (error === undefined ? resolve(result) : reject(error)));
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  return { work, finish };
}

const states = (queue: JobQueue): string[] => queue.list().map(({ status, ahead }) => `${status} ${ahead}`);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("runs one job at a time in order and counts those before each", async () => {
  const { work, finish } = manualWork();
  const queue = new JobQueue({ work });
  for (const seed of [1, 2, 3]) queue.add(parameters(seed));
  expect(states(queue)).toEqual(["running 0", "queued 1", "queued 2"]);
  finish.get(1)!();
  await settled();
  expect(states(queue)).toEqual(["done 0", "running 0", "queued 1"]);
  finish.get(2)!(new Error("no luck"));
  await settled();
  expect(states(queue)).toEqual(["done 0", "failed 0", "running 0"]);
  expect(queue.list()[1]!.error).toBe("it failed unexpectedly: no luck");
});

it("cancels jobs that wait and the one that runs", async () => {
  const { work } = manualWork();
  const queue = new JobQueue({ work });
  const [first, second, third] = [1, 2, 3].map((seed) => queue.add(parameters(seed)));
  queue.cancel(second!.id);
  expect(states(queue)).toEqual(["running 0", "cancelled 0", "queued 1"]);
  queue.cancel(first!.id);
  await settled();
  expect(states(queue)).toEqual(["cancelled 0", "cancelled 0", "running 0"]);
  await queue.close();
  expect(queue.get(third!.id)!.status).toBe("cancelled");
});

it("refuses more than it can hold and forgets the oldest finished jobs", async () => {
  const { work, finish } = manualWork();
  const removed: string[] = [];
  const queue = new JobQueue({ work, maxWaiting: 1, maxFinished: 1, onRemove: (id) => removed.push(id) });
  const first = queue.add(parameters(1));
  queue.add(parameters(2));
  expect(() => queue.add(parameters(3))).toThrow("1 clips are waiting already");
  finish.get(1)!();
  await settled();
  expect(removed).toEqual([]);
  finish.get(2)!();
  await settled();
  expect(removed).toEqual([first.id]);
  expect(queue.list()).toHaveLength(1);
});
