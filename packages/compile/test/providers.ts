import * as tf from "@tensorflow/tfjs";
import { onnxExecutor } from "../src/index.js";

/** Why a provider cannot be used here: what it says when it is asked for one product. Undefined when it can. */
export async function whyNot(
  provider: "webgpu" | "cuda",
  options: { readonly precision?: "float16" } = {},
): Promise<string | undefined> {
  const probe = onnxExecutor({ provider, ...options }).compile(
    ({ x }) => ({ y: tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D) }),
    { name: "probe" },
  );
  const [message] = await probe.run({ x: tf.ones([1, 1]) }).then(
    () => [undefined],
    (error: Error) => error.message.split("\n"),
  );
  probe.dispose();
  return message;
}
