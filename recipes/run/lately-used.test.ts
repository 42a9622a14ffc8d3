import { expect, test } from "vitest";
import { latelyUsed } from "./lately-used.js";

test("items are loaded once while they fit, and the ones used longest ago go first", async () => {
  const loaded: string[] = [];
  const get = latelyUsed({
    bytes: 10,
    bytesOf: (item: string) => Number(item.slice(1)),
    async load(key) {
      loaded.push(key);
      return key;
    },
  });
  for (const key of ["a4", "b4", "a4", "b4"]) expect(await get(key)).toBe(key);
  expect(loaded).toEqual(["a4", "b4"]);
  await get("a4"); // b4 is the oldest now
  await get("c4");
  await get("a4");
  expect(loaded).toEqual(["a4", "b4", "c4"]);
  await get("b4");
  await get("d20"); // does not fit at all, so nothing goes for it
  await get("a4");
  await get("b4");
  expect(loaded).toEqual(["a4", "b4", "c4", "b4", "d20"]);
});

test("two who ask at once get the item, and it counts once", async () => {
  const get = latelyUsed({ bytes: 6, bytesOf: () => 3, load: async (key) => ({ key }) });
  await Promise.all([get("a"), get("a")]);
  const first = await get("b");
  const kept = await get("a");
  expect(await get("a")).toBe(kept);
  expect(await get("b")).toBe(first);
});
