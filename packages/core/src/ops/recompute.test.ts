import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createRng } from "../rng.js";
import { initialize, Module } from "../module.js";
import { Linear } from "../nn/linear.js";
import { geluTanh } from "./activation.js";
import { recompute } from "./recompute.js";

class Mlp extends Module {
  readonly up = new Linear({ in: 6, out: 12 });
  readonly down = new Linear({ in: 12, out: 6 });
  /** Read by nobody. */
  readonly idle = new Linear({ in: 2, out: 2 });
  calls = 0;

  forward(x: tf.Tensor, mask: tf.Tensor): tf.Tensor {
    this.calls++;
    return tf.tidy(() => tf.add(x, tf.mul(this.down.forward(geluTanh(this.up.forward(x))), tf.greater(mask, 0))));
  }
}

describe("recompute", () => {
  beforeAll(() => tf.setBackend("cpu"));

  function setUp() {
    const rng = createRng(3);
    const blocks = [new Mlp(), new Mlp()];
    for (const block of blocks) initialize(block, rng);
    const x = rng.normal([4, 6]);
    const mask = rng.normal([4, 6]);
    const loss = (again: boolean) => (): tf.Scalar => {
      let h: tf.Tensor = x;
      for (const block of blocks) {
        h = again
          ? recompute((y, m) => block.forward(y, m), { inputs: [h], constants: [mask], module: block })
          : block.forward(h, mask);
      }
      return tf.mean(tf.square(h));
    };
    const used = blocks.flatMap(({ up, down }) => [up, down].flatMap((layer) => [layer.weight, layer.bias!]));
    return { blocks, loss, used: used.map(({ variable }) => variable) };
  }

  it("gives the value and the gradients of the plain call, bit for bit", () => {
    const { loss, used } = setUp();
    const plain = tf.variableGrads(loss(false), used);
    const again = tf.variableGrads(loss(true), used);
    expect(again.value.dataSync()).toEqual(plain.value.dataSync());
    for (const { name } of used) expect(again.grads[name]!.dataSync()).toEqual(plain.grads[name]!.dataSync());
  });

  it("runs a block a second time for its gradient only", () => {
    const { blocks, loss, used } = setUp();
    tf.dispose(loss(true)());
    expect(blocks.map(({ calls }) => calls)).toEqual([1, 1]);
    tf.variableGrads(loss(true), used);
    expect(blocks.map(({ calls }) => calls)).toEqual([3, 3]);
  });

  it("gives zero to parameters that the block does not read", () => {
    const { blocks, loss } = setUp();
    const { variable } = blocks[0]!.idle.weight;
    const { grads } = tf.variableGrads(loss(true), [variable]);
    expect([...grads[variable.name]!.dataSync()]).toEqual([0, 0, 0, 0]);
  });

  it("leaves no tensors behind and keeps fewer until the gradient is known", () => {
    const { loss, used } = setUp();
    const peak = (again: boolean): number => {
      let most = 0;
      const before = tf.memory().numTensors;
      const { value, grads } = tf.variableGrads(() => {
        const result = loss(again)();
        most = tf.memory().numTensors;
        return result;
      }, used);
      tf.dispose([value, grads]);
      expect(tf.memory().numTensors).toBe(before);
      return most;
    };
    expect(peak(true)).toBeLessThan(peak(false));
  });
});
