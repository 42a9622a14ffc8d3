// Mean and variance of numbers that come in parts, without keeping them (Chan, Golub and LeVeque 1979: "Updating
// formulae and a pairwise algorithm for computing sample variances", which generalises Welford's update).

export class RunningMoments {
  #count = 0;
  #mean = 0;
  /** Sum of squared distances from the mean. */
  #spread = 0;

  get count(): number {
    return this.#count;
  }

  get mean(): number {
    return this.#mean;
  }

  /** Standard deviation of the numbers themselves: the spread divided by their count. 0 for none. */
  get std(): number {
    return this.#count === 0 ? 0 : Math.sqrt(this.#spread / this.#count);
  }

  /** Takes every `step`-th of `values` from `start` on. */
  add(values: ArrayLike<number>, places: { readonly start: number; readonly step: number }): void {
    const { start, step } = places;
    const count = Math.max(0, Math.ceil((values.length - start) / step));
    if (count === 0) return;
    let sum = 0;
    for (let index = start; index < values.length; index += step) sum += values[index]!;
    const mean = sum / count;
    let spread = 0;
    for (let index = start; index < values.length; index += step) spread += (values[index]! - mean) ** 2;
    this.#combine(count, mean, spread);
  }

  /** Takes the numbers of `other` too. Returns this. */
  merge(other: RunningMoments): this {
    this.#combine(other.#count, other.#mean, other.#spread);
    return this;
  }

  #combine(count: number, mean: number, spread: number): void {
    if (count === 0) return;
    const total = this.#count + count;
    const distance = mean - this.#mean;
    this.#spread += spread + (distance ** 2 * this.#count * count) / total;
    this.#mean += (distance * count) / total;
    this.#count = total;
  }
}
