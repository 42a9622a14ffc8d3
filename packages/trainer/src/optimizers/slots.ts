// What an optimizer keeps beside each parameter, e.g. its moments.
import { ConfigError, Parameter, sameShape } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { NamedParameters } from "./optimizer.js";

/** The shape of a parameter's slot, or undefined when this parameter has none of the kind. */
export type SlotShape = (shape: readonly number[]) => readonly number[] | undefined;

/** Slots by kind and parameter name. They lie in memory, and in checkpoints, as their parameter's storage does. */
export class SlotTable<Kind extends string> {
  readonly kinds: readonly Kind[];
  readonly #shapes: Readonly<Record<Kind, SlotShape>>;
  readonly #slots = new Map<
    string,
    { readonly shape: readonly number[]; readonly own: Partial<Record<Kind, Parameter>> }
  >();

  /** Slots of the parameter's own shape, or of the shapes that each kind says. */
  constructor(kinds: readonly Kind[] | Readonly<Record<Kind, SlotShape>>) {
    const whole: SlotShape = (shape) => shape;
    this.#shapes = (
      Array.isArray(kinds) ? Object.fromEntries(kinds.map((kind: Kind) => [kind, whole])) : kinds
    ) as Readonly<Record<Kind, SlotShape>>;
    this.kinds = Object.keys(this.#shapes) as Kind[];
  }

  /** Makes what is missing, filled with zeros. */
  prepare(parameters: NamedParameters): void {
    for (const [name, parameter] of parameters) this.#ensure(name, parameter);
  }

  /** A slot of one parameter, made if it is missing. The kind must have one for this shape. */
  of(name: string, parameter: Parameter, kind: Kind): Parameter {
    return this.find(name, parameter, kind)!;
  }

  /** A slot of one parameter, or undefined when the kind has none for its shape. */
  find(name: string, parameter: Parameter, kind: Kind): Parameter | undefined {
    return this.#ensure(name, parameter)[kind];
  }

  /** Every slot as `<kind>.<parameter name>`. */
  *entries(): Generator<readonly [name: string, slot: Parameter]> {
    for (const kind of this.kinds) {
      for (const [name, { own }] of this.#slots) if (own[kind] !== undefined) yield [`${kind}.${name}`, own[kind]];
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

  #ensure(name: string, { shape }: Parameter): Partial<Record<Kind, Parameter>> {
    const found = this.#slots.get(name);
    if (found !== undefined) {
      if (sameShape(found.shape, shape)) return found.own;
      throw new ConfigError(
        `parameter ${name} has shape [${shape.join(", ")}] but the optimizer's slots have [${found.shape.join(", ")}]; use a new optimizer for another model`,
      );
    }
    const own: Partial<Record<Kind, Parameter>> = {};
    for (const kind of this.kinds) {
      const wanted = this.#shapes[kind](shape);
      if (wanted !== undefined) own[kind] = new Parameter(wanted, { trainable: false });
    }
    this.#slots.set(name, { shape, own });
    return own;
  }
}
