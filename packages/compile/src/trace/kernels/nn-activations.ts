// Fused activations and their gradients.
import { add, elementwise, mul, node, number, sub } from "./arithmetic.js";
import { input } from "./kernel.js";
import type { KernelTable } from "./kernel.js";
import type { Sym } from "../symbol.js";
import { sizeOf } from "../tracer.js";
import type { Tracer } from "../tracer.js";

const ROOT = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

function silu(tracer: Tracer, x: Sym): Sym {
  return elementwise(tracer, [x], "float32", (edges, shape) =>
    tracer.emit("QuickGelu", edges, shape, { domain: "com.microsoft", attributes: { alpha: 1 } }),
  );
}

/** s (1 + x - silu(x)) dy, with s = sigmoid(x). */
function siluGradient(tracer: Tracer, x: Sym, dy: Sym): Sym {
  const s = node(tracer, "Sigmoid", [x]);
  const slope = mul(tracer, s, add(tracer, sub(tracer, x, mul(tracer, x, s)), number(1)));
  return mul(tracer, slope, dy);
}

function geluTanh(tracer: Tracer, x: Sym): Sym {
  return node(tracer, "Gelu", [x], { attributes: { approximate: "tanh" } });
}

/**
 * gelu(x) = x s with s = sigmoid(w), w = 2 sqrt(2/pi) (x + 0.044715 x^3), so the slope is s + x w' s (1 - s), and
 * x w' = 3 w - 4 sqrt(2/pi) x.
 */
function geluTanhGradient(tracer: Tracer, x: Sym, dy: Sym): Sym {
  const cubic = add(tracer, mul(tracer, mul(tracer, x, x), number(2 * ROOT * CUBIC)), number(2 * ROOT));
  const w = mul(tracer, x, cubic);
  const s = node(tracer, "Sigmoid", [w]);
  const xw = sub(tracer, mul(tracer, w, number(3)), mul(tracer, x, number(4 * ROOT)));
  const inner = mul(tracer, xw, sub(tracer, number(1), s));
  const slope = mul(tracer, s, add(tracer, inner, number(1)));
  return mul(tracer, slope, dy);
}

/**
 * x, in a way that needs dy first: x + 0 dy[0]. It keeps a recomputed block apart from the first computation, which equals it,
 * and after it in the order of execution. A dy that is not finite makes everything so, as it does without.
 */
function after(tracer: Tracer, x: Sym, other: Sym): Sym {
  const flat = tracer.reshapeEdge(tracer.placed(other).edge, [sizeOf(tracer.placed(other).edge.shape)]);
  const { graph } = tracer;
  const first = tracer.emit("Slice", [flat, graph.ints([0]), graph.ints([1]), graph.ints([0])], [1]);
  const zero = tracer.emit("Mul", [first, graph.scalar(0)], [1]);
  const { edge, perm } = tracer.placed(x);
  return tracer.symbol(tracer.emit("Add", [edge, zero], edge.shape), x.shape, "float32", perm);
}

export const activationKernels: KernelTable = {
  "nn.After": (tracer, inputs) => after(tracer, input(inputs, "x"), input(inputs, "other")),
  "nn.GeluTanh": (tracer, inputs) => geluTanh(tracer, input(inputs, "x")),
  "nn.GeluTanhGrad": (tracer, inputs) => geluTanhGradient(tracer, input(inputs, "x"), input(inputs, "dy")),
  "nn.Silu": (tracer, inputs) => silu(tracer, input(inputs, "x")),
  "nn.SiluGrad": (tracer, inputs) => siluGradient(tracer, input(inputs, "x"), input(inputs, "dy")),
};
