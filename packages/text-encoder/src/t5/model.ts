// The T5 v1.1 encoder (Raffel et al., arXiv 1910.10683; v1.1 replaces the ReLU by a gated GELU).
// B batch, L tokens, D model width, H heads.
import { type CallOptions, Embedding, Module, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { T5Block, T5LayerNorm } from "./blocks.js";
import { parseT5Config, type T5Config, type T5ConfigInput } from "./config.js";
import { readT5Config, writeT5Folder } from "./pretrained.js";
import { streamWeights } from "./stream-weights.js";

/** Added to the score of a key that the mask hides: its weight becomes exactly 0. */
const hidden = -1e9;

class T5Stack extends Module {
  readonly block: readonly T5Block[];
  readonly final_layer_norm: T5LayerNorm;

  constructor(config: T5Config) {
    super();
    this.block = Array.from(
      { length: config.num_layers },
      (_, index) => new T5Block(config, { hasPositionBias: index === 0 }),
    );
    this.final_layer_norm = new T5LayerNorm(config);
  }
}

/** Field names are those of the checkpoints, so their weights load by name. */
export class T5Encoder extends Module {
  readonly config: T5Config;
  readonly shared: Embedding;
  readonly encoder: T5Stack;

  /** Allocates the weights; `initialize(model, rng)` draws them, `loadStateDict` loads them. */
  constructor(config: T5ConfigInput) {
    super();
    this.config = parseT5Config(config);
    this.shared = new Embedding({ rows: this.config.vocab_size, width: this.config.d_model });
    this.encoder = new T5Stack(this.config);
  }

  /**
   * Reads `config.json` and `model.safetensors`, single or sharded, F32, F16 or BF16. Tensors are read one at a time, so that
   * memory holds the model, in F32, and one tensor. Needs a file system. `onProgress` counts files.
   */
  static async fromPretrained(folder: string, options: CallOptions = {}): Promise<T5Encoder> {
    const model = new T5Encoder(await readT5Config(folder));
    try {
      // A checkpoint of the whole T5 also has a decoder, and some store the shared table twice.
      const ignore = (name: string): boolean =>
        /^(?:decoder|lm_head)\./.test(name) || name === "encoder.embed_tokens.weight";
      await streamWeights(model, folder, { name: "model", ignore, ...options });
      return model;
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /** Writes `config.json` and `model.safetensors` (F32) into the folder. Needs a file system. */
  async savePretrained(folder: string): Promise<void> {
    await writeT5Folder(folder, { config: this.config, weights: await this.stateDict() });
  }

  /**
   * The last hidden state, `[B, L, D]`, after the final norm. Positions that the mask hides are computed too.
   *
   * @param ids `[B, L]`, int32 in [0, vocab_size).
   * @param mask `[B, L]`, 1 where a token is real.
   */
  forward(ids: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor3D {
    return tf.tidy(() => this.hiddenStates(ids, mask).at(-1)!);
  }

  /** The input of every block, then the output: `num_layers + 1` tensors `[B, L, D]`. Arguments as for `forward`. */
  hiddenStates(ids: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor3D[] {
    if (ids.rank !== 2 || ids.shape.join() !== mask.shape.join()) {
      throw new ShapeError(
        `ids has shape [${ids.shape.join(", ")}] and mask [${mask.shape.join(", ")}]; both are [batch, tokens]`,
      );
    }
    return tf.tidy(() => {
      const bias = this.#attentionBias(mask);
      const states: tf.Tensor3D[] = [this.shared.forward(ids) as tf.Tensor3D]; // [B, L, D]
      for (const block of this.encoder.block) states.push(block.forward(states.at(-1)!, bias));
      states[states.length - 1] = this.encoder.final_layer_norm.forward(states.at(-1)!);
      return states;
    });
  }

  /** What every block adds to the score of each pair of positions, `[1, H, L, L]`: queries, then keys. */
  positionBias(length: number): tf.Tensor4D {
    return this.encoder.block[0]!.layer[0].SelfAttention.positionBias(length);
  }

  /** Position biases and the mask together, `[B, H, L, L]`. */
  #attentionBias(mask: tf.Tensor2D): tf.Tensor4D {
    const [batch, length] = mask.shape;
    const positions = this.positionBias(length); // [1, H, L, L]
    const blocked = tf.mul(tf.sub(1, tf.cast(mask, "float32")), hidden);
    return tf.add(positions, tf.reshape(blocked, [batch, 1, 1, length])); // [B, H, L, L]
  }
}
