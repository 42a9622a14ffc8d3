// The most memory that a process held while something ran.

export interface MemoryWatch {
  /** Bytes when the watch began; undefined when nobody says how many there are. */
  readonly before: number | undefined;
  /** The most bytes up to now. */
  most(): number | undefined;
  stop(): void;
}

/** Looks at `current` every 10 ms until stopped. Compiled steps run beside the event loop, so that the looks see them. */
export function watchMemory(current: (() => number) | undefined): MemoryWatch {
  if (current === undefined) return { before: undefined, most: () => undefined, stop: () => undefined };
  const before = current();
  let peak = before;
  const look = (): number => (peak = Math.max(peak, current()));
  const timer = setInterval(look, 10);
  return { before, most: look, stop: () => clearInterval(timer) };
}
