// Named curves that can be put into a checkpoint.
import { type Checkpoint, CheckpointError, type StoredTensor } from "@noisereel/core";

export interface Curve {
  /** Finished steps: 0 is before the first. */
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

export class CurveTable {
  readonly #curves = new Map<string, { readonly steps: number[]; readonly values: number[] }>();

  add(name: string, step: number, value: number): void {
    if (!this.#curves.has(name)) this.#curves.set(name, { steps: [], values: [] });
    const curve = this.#curves.get(name)!;
    curve.steps.push(step);
    curve.values.push(value);
  }

  curves(): Readonly<Record<string, Curve>> {
    return Object.fromEntries(this.#curves);
  }

  state(): Checkpoint {
    const tensors = new Map<string, StoredTensor>();
    for (const [name, { steps, values }] of this.#curves) {
      tensors.set(`steps.${name}`, storeDoubles(steps));
      tensors.set(`values.${name}`, storeDoubles(values));
    }
    return { tensors, meta: { names: [...this.#curves.keys()] } };
  }

  restore({ tensors, meta }: Checkpoint): void {
    const read = (name: string): number[] => {
      const stored = tensors.get(name);
      if (stored === undefined) throw new CheckpointError(`the state of the curves has no ${name}; it is damaged`);
      return [...new Float64Array(stored.bytes.slice().buffer)];
    };
    this.#curves.clear();
    for (const name of meta["names"] as readonly string[]) {
      this.#curves.set(name, { steps: read(`steps.${name}`), values: read(`values.${name}`) });
    }
  }
}

function storeDoubles(values: readonly number[]): StoredTensor {
  return { dtype: "F64", shape: [values.length], bytes: new Uint8Array(Float64Array.from(values).buffer) };
}
