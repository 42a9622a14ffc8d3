// The moments that an optimizer keeps beside each parameter.
import { ConfigError, Parameter, sameShape } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { NamedParameters } from "./optimizer.js";

/** Slots by kind and parameter name. They lie in memory, and in checkpoints, as their parameter's storage does. */
export class SlotTable<Kind extends string> {
  readonly #kinds: readonly Kind[];
  readonly #slots = new Map<string, Readonly<Record<Kind, Parameter>>>();

  constructor(kinds: readonly Kind[]) {
    this.#kinds = kinds;
  }

  /** Makes what is missing, filled with zeros. */
  prepare(parameters: NamedParameters): void {
    for (const [name, parameter] of parameters) this.#ensure(name, parameter);
  }

  /** The slots of one parameter, made if they are missing. */
  of(name: string, parameter: Parameter): Readonly<Record<Kind, Parameter>> {
    return this.#ensure(name, parameter);
  }

  /** Every slot as `<kind>.<parameter name>`. */
  *entries(): Generator<readonly [name: string, slot: Parameter]> {
    for (const kind of this.#kinds) {
      for (const [name, slots] of this.#slots) yield [`${kind}.${name}`, slots[kind]];
    }
  }

  /** Fills every slot with zeros again. */
  reset(): void {
    for (const [, { variable }] of this.entries()) tf.tidy(() => variable.assign(tf.zerosLike(variable)));
  }

  dispose(): void {
    for (const [, slot] of this.entries()) slot.dispose();
    this.#slots.clear();
  }

  #ensure(name: string, parameter: Parameter): Readonly<Record<Kind, Parameter>> {
    const found = this.#slots.get(name);
    if (found !== undefined) {
      const shape = found[this.#kinds[0]!].shape;
      if (sameShape(shape, parameter.shape)) return found;
      throw new ConfigError(
        `parameter ${name} has shape [${parameter.shape.join(", ")}] but the optimizer's slots have [${shape.join(", ")}]; use a new optimizer for another model`,
      );
    }
    const made = Object.fromEntries(
      this.#kinds.map((kind) => [kind, new Parameter(parameter.shape, { trainable: false })]),
    ) as Record<Kind, Parameter>;
    this.#slots.set(name, made);
    return made;
  }
}
