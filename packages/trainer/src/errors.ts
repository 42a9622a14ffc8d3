import { NoisereelError } from "@noisereel/core";

/** Training cannot go on: numbers that are not finite, or tensors that leak. */
export class TrainingError extends NoisereelError {
  static override readonly brand: symbol = Symbol.for("noisereel.TrainingError");
  /** The number of the step that failed, from 1. */
  readonly step: number;
  /** Ids of the items in its batch. */
  readonly items: readonly string[];

  constructor(message: string, options: { readonly step: number; readonly items?: readonly string[] }) {
    super(message);
    this.step = options.step;
    this.items = options.items ?? [];
  }
}
