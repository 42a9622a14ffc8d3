// Many tensors as a few long arrays: one message for each bucket costs less than one for each tensor.
import type { Collective } from "./collective.js";

/** 4 MiB of float32: long enough that starting a message costs nothing beside sending it. */
const bucketLength = 2 ** 20;

interface Part {
  readonly array: Float32Array;
  readonly offset: number;
  readonly length: number;
}

/**
 * Replaces arrays by their sums over all ranks, which add arrays of the same lengths in the same order. A full bucket is on its way
 * while the next one is filled, so what makes the arrays and what sends them overlap. One message is under way at a time.
 */
export class BucketSum {
  readonly #collective: Pick<Collective, "sum">;
  readonly #length: number;
  #bucket: Float32Array;
  /** The bucket that is under way, or was last. */
  #spare: Float32Array | undefined;
  #filled = 0;
  #parts: Part[] = [];
  #sent: Promise<void> = Promise.resolve();

  constructor(collective: Pick<Collective, "sum">, length = bucketLength) {
    this.#collective = collective;
    this.#length = length;
    this.#bucket = new Float32Array(length);
  }

  /** Takes an array, which holds its sum once `finish` is done; until then it must be left alone. */
  async add(array: Float32Array): Promise<void> {
    for (let offset = 0; offset < array.length;) {
      const length = Math.min(array.length - offset, this.#length - this.#filled);
      this.#bucket.set(array.subarray(offset, offset + length), this.#filled);
      this.#parts.push({ array, offset, length });
      this.#filled += length;
      offset += length;
      if (this.#filled === this.#length) await this.#send();
    }
  }

  /** Sends the rest and waits for all of it; others can be added afterwards. */
  async finish(): Promise<void> {
    if (this.#filled > 0) await this.#send();
    await this.#sent;
  }

  /** Starts a bucket on its way when the one before has arrived, whose memory is filled next. */
  async #send(): Promise<void> {
    await this.#sent;
    const [full, parts] = [this.#bucket, this.#parts];
    const values = full.subarray(0, this.#filled);
    [this.#bucket, this.#spare] = [this.#spare ?? new Float32Array(this.#length), full];
    [this.#parts, this.#filled] = [[], 0];
    this.#sent = this.#collective.sum(values).then(() => {
      let at = 0;
      for (const { array, offset, length } of parts) {
        array.set(values.subarray(at, at + length), offset);
        at += length;
      }
    });
    // Whoever adds next, or finishes, hears of a failure; nobody else has to.
    this.#sent.catch(() => undefined);
  }
}
