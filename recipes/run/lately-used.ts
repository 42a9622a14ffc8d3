// Items that were used lately, kept in memory up to a number of bytes.

export interface LatelyUsedOptions<Item> {
  readonly load: (key: string) => Promise<Item>;
  readonly bytesOf: (item: Item) => number;
  /** That the kept items may take together. */
  readonly bytes: number;
}

/** `load`, remembering what it gave: the items used longest ago go first. An item larger than all of it is not kept. */
export function latelyUsed<Item>({ load, bytesOf, bytes }: LatelyUsedOptions<Item>): (key: string) => Promise<Item> {
  const kept = new Map<string, { readonly item: Item; readonly size: number }>(); // oldest use first
  let held = 0;
  return async (key) => {
    const found = kept.get(key);
    if (found !== undefined) {
      kept.delete(key);
      kept.set(key, found);
      return found.item;
    }
    const item = await load(key);
    const size = bytesOf(item);
    if (size > bytes || kept.has(key)) return item;
    kept.set(key, { item, size });
    held += size;
    for (const [oldest, { size: freed }] of kept) {
      if (held <= bytes) break;
      kept.delete(oldest);
      held -= freed;
    }
    return item;
  };
}
