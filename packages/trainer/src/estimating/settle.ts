// When enough steps were timed, and what the rest of a run's steps will take.

export interface SettleRule {
  /** Steps to time, however long they take. 1 or more, default 3. */
  readonly minimumSteps?: number | undefined;
  /** Steps that end it, whatever they show. Default 200. */
  readonly maximumSteps?: number | undefined;
  /** Seconds of steps to time, when steps are short. Default 3. */
  readonly minimumSeconds?: number | undefined;
  /** Seconds that end it, once there are `minimumSteps`. Default 30. */
  readonly maximumSeconds?: number | undefined;
}

/** A median this much lower than the one before still falls. */
const fall = 0.95;

/**
 * Whether `seconds`, of the steps timed so far, are enough. The first steps after compiling are slower than the rest: code is
 * still being optimised, threads and memory are not warm. So steps are timed until there are `minimumSteps` that took
 * `minimumSeconds` together, and the median of their last third is no more than 5 % below that of the third before. As there
 * are more steps the thirds grow, so that a slow beginning ends up in the first one and noise evens out.
 */
export function isSettled(seconds: readonly number[], rule: SettleRule = {}): boolean {
  const { minimumSteps = 3, maximumSteps = 200, minimumSeconds = 3, maximumSeconds = 30 } = rule;
  const total = sum(seconds);
  if (seconds.length >= maximumSteps) return true;
  if (seconds.length < minimumSteps) return false;
  return total >= maximumSeconds || (total >= minimumSeconds && !stillFalling(seconds));
}

/**
 * Seconds a step once it has settled: the mean of the last half, which a slow beginning that ended before the median of the middle
 * third does not reach, or of the last third when the steps were still getting faster there. A mean and no median, because it
 * has to predict a sum: what slows every tenth step (garbage collection, a batch that is late) slows the run.
 */
export function settledSeconds(seconds: readonly number[]): number {
  return mean(seconds.slice(stillFalling(seconds) ? -thirdOf(seconds) : -Math.ceil(seconds.length / 2)));
}

/** Times `step(index)`, from 0, until it has settled; returns the seconds of each. `now` is in seconds. */
export async function timeSteps(
  step: (index: number) => Promise<void>,
  { rule, now = () => performance.now() / 1000 }: { readonly rule?: SettleRule; readonly now?: () => number } = {},
): Promise<readonly number[]> {
  const seconds: number[] = [];
  do {
    const before = now();
    await step(seconds.length);
    seconds.push(now() - before);
  } while (!isSettled(seconds, rule));
  return seconds;
}

function stillFalling(seconds: readonly number[]): boolean {
  const third = thirdOf(seconds);
  const before = seconds.slice(-2 * third, -third);
  return before.length > 0 && median(seconds.slice(-third)) < fall * median(before);
}

const thirdOf = ({ length }: readonly number[]): number => Math.max(1, Math.floor(length / 3));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const mean = (values: readonly number[]): number => sum(values) / values.length;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.floor(sorted.length / 2)]!) / 2;
}
