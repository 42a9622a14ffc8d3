// The cases of the checkpoint store suite. Each throws what is wrong.
import {
  bytesPerElement,
  type Checkpoint,
  CheckpointError,
  sizeOf,
  type StoredDtype,
  type StoredTensor,
} from "@noisereel/core";
import type { StoreUnderTest } from "./checkpoint-store.js";
import { assert } from "./executor-tools.js";

export interface CheckpointStoreCase {
  readonly name: string;
  /** What the store under test must offer for this case. */
  readonly needs?: "reopen" | "damage";
  readonly check: (under: StoreUnderTest) => Promise<void>;
}

const dtypes = Object.keys(bytesPerElement) as readonly StoredDtype[];

/** Bytes that depend on `seed`. Every kind of tensor, an empty one and a scalar among them. */
function makeCheckpoint(seed: number): Checkpoint {
  const tensor = (dtype: StoredDtype, shape: readonly number[]): StoredTensor => {
    const bytes = new Uint8Array(bytesPerElement[dtype] * sizeOf(shape));
    for (let i = 0; i < bytes.length; i++) bytes[i] = dtype === "BOOL" ? (seed + i) % 2 : (31 * seed + 7 * i) % 251;
    return { dtype, shape, bytes };
  };
  const tensors = new Map(dtypes.map((dtype) => [`weights/model.${dtype}.weight`, tensor(dtype, [2, 3])]));
  tensors.set("weights/model.empty", tensor("F32", [0, 4]));
  tensors.set("optimizer-fit/m.model.bias", tensor("F32", []));
  return { tensors, meta: { step: seed, done: false, nested: { list: [1, 2.5, null, "ä\n"], empty: {} } } };
}

function assertEqual(found: Checkpoint, expected: Checkpoint, what: string): void {
  assert(
    JSON.stringify(sorted(found.meta)) === JSON.stringify(sorted(expected.meta)),
    `${what}: the meta data differs`,
  );
  const names = [...expected.tensors.keys()].toSorted((a, b) => (a < b ? -1 : 1)).join();
  assert([...found.tensors.keys()].toSorted((a, b) => (a < b ? -1 : 1)).join() === names, `${what}: other tensors`);
  for (const [name, { dtype, shape, bytes }] of expected.tensors) {
    const own = found.tensors.get(name)!;
    assert(own.dtype === dtype && own.shape.join() === shape.join(), `${what}: ${name} has another type or shape`);
    const same = own.bytes.length === bytes.length && own.bytes.every((byte, index) => byte === bytes[index]);
    assert(same, `${what}: the bytes of ${name} differ`);
  }
}

/** Keys in order, because a store may keep meta data in any. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

async function failureOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}

export const checkpointStoreCases: readonly CheckpointStoreCase[] = [
  {
    name: "begins empty",
    async check({ store }) {
      assert((await store.list()).length === 0, "list() of a new store is not empty");
    },
  },
  {
    name: "gives back every kind of tensor and meta data as they were",
    async check({ store }) {
      await store.save("step-000001", makeCheckpoint(1));
      assertEqual(await store.load("step-000001"), makeCheckpoint(1), "after one save");
    },
  },
  {
    name: "lists the oldest first",
    async check({ store }) {
      for (const step of [9, 10, 11]) await store.save(`step-${step}`, makeCheckpoint(step));
      const list = await store.list();
      assert(list.at(-1) === "step-11", `the newest is step-11 but the list ends with ${list.at(-1)}`);
      const positions = ["step-9", "step-10", "step-11"].map((id) => list.indexOf(id)).filter((at) => at >= 0);
      assert(
        positions.every((at, index) => index === 0 || at > positions[index - 1]!),
        `the order is ${list.join(", ")}`,
      );
    },
  },
  {
    name: "replaces what is saved again",
    async check({ store }) {
      await store.save("step-1", makeCheckpoint(1));
      await store.save("step-1", makeCheckpoint(2));
      assert((await store.list()).join() === "step-1", "one id is listed once");
      assertEqual(await store.load("step-1"), makeCheckpoint(2), "after the second save");
    },
  },
  {
    name: "keeps no hold of the caller's bytes",
    async check({ store }) {
      const given = makeCheckpoint(3);
      await store.save("step-3", given);
      for (const { bytes } of given.tensors.values()) bytes.fill(1);
      assertEqual(await store.load("step-3"), makeCheckpoint(3), "after the caller used its memory again");
    },
  },
  {
    name: "says which checkpoint there is not",
    async check({ store }) {
      const error = await failureOf(() => store.load("step-7"));
      assert(
        CheckpointError.isInstance(error),
        `load() of an unknown id must throw a CheckpointError, not ${String(error)}`,
      );
      assert((error as Error).message.includes("step-7"), `the message does not name it: ${(error as Error).message}`);
    },
  },
  {
    name: "removes what it is told to, and nothing else",
    async check({ store }) {
      for (const step of [1, 2]) await store.save(`step-${step}`, makeCheckpoint(step));
      await store.remove("step-1");
      assert((await store.list()).join() === "step-2", "only step-2 is left");
      await store.remove("step-1"); // no error: it is as wanted
      assertEqual(await store.load("step-2"), makeCheckpoint(2), "the other one");
    },
  },
  {
    name: "saves nothing for a call that was aborted before",
    async check({ store }) {
      await store.save("step-1", makeCheckpoint(1));
      const signal = AbortSignal.abort();
      const error = await failureOf(() => store.save("step-2", makeCheckpoint(2), { signal }));
      assert(error !== undefined, "save() with an aborted signal must throw");
      assert((await store.list()).join() === "step-1", "only step-1 is there");
    },
  },
  {
    name: "keeps what was there when a save fails half way",
    async check({ store }) {
      await store.save("step-1", makeCheckpoint(1));
      for (const id of ["step-2", "step-1"]) {
        const error = await failureOf(() => store.save(id, torn(makeCheckpoint(2))));
        assert(error !== undefined, "save() must throw when the checkpoint cannot be read to its end");
        assert((await store.list()).join() === "step-1", `after a failed save of ${id} the list is not step-1 alone`);
        assertEqual(await store.load("step-1"), makeCheckpoint(1), `after a failed save of ${id}`);
      }
      await store.save("step-2", makeCheckpoint(2));
      assertEqual(await store.load("step-2"), makeCheckpoint(2), "a save after failed ones");
    },
  },
  {
    name: "finds everything again in the next process",
    needs: "reopen",
    async check({ store, reopen }) {
      for (const step of [1, 2]) await store.save(`step-${step}`, makeCheckpoint(step));
      const again = await reopen!();
      assert((await again.list()).at(-1) === "step-2", "the newest is found again");
      assertEqual(await again.load("step-2"), makeCheckpoint(2), "in the next process");
    },
  },
  {
    name: "neither lists nor loads what is damaged",
    needs: "damage",
    async check({ store, damage }) {
      for (const step of [1, 2]) await store.save(`step-${step}`, makeCheckpoint(step));
      await damage!("step-2");
      assert((await store.list()).join() === "step-1", "only step-1 verifies");
      const error = await failureOf(() => store.load("step-2"));
      assert(
        CheckpointError.isInstance(error),
        `load() of a damaged checkpoint must throw a CheckpointError, not ${String(error)}`,
      );
      assertEqual(await store.load("step-1"), makeCheckpoint(1), "the one before");
    },
  },
];

/** A checkpoint that fails while it is read, after its first tensors: a full memory, a lost device. */
function torn({ tensors, meta }: Checkpoint): Checkpoint {
  const entries = [...tensors];
  const failing = new Map(entries);
  function* some<T>(values: readonly T[]): Generator<T, undefined> {
    yield* values.slice(0, 3);
    throw new Error("the rest cannot be read");
  }
  failing[Symbol.iterator] = () => some(entries) as MapIterator<[string, StoredTensor]>;
  failing.entries = () => some(entries) as MapIterator<[string, StoredTensor]>;
  failing.values = () => some(entries.map(([, tensor]) => tensor)) as MapIterator<StoredTensor>;
  failing.forEach = (visit) => {
    for (const [name, tensor] of some(entries)) visit(tensor, name, failing);
  };
  return { tensors: failing, meta };
}
