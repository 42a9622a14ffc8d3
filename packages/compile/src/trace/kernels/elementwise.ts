// Elementwise kernels: one operand in, or operands that broadcast.
import type { ClipByValueAttrs, LeakyReluAttrs, StepAttrs } from "@tensorflow/tfjs";
import { broadcastShape } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import { splatValue } from "../symbol.js";
import type { Sym, TensorType } from "../symbol.js";
import { add, cast, div, elementwise, mul, node, number, sub, upcast } from "./arithmetic.js";
import { attribute, input, inputList } from "./kernel.js";
import type { KernelTable, Lowering } from "./kernel.js";

type Binary = (tracer: Tracer, a: Sym, b: Sym) => Sym;

const unary =
  (op: string, attributes: Record<string, number> = {}): Lowering =>
  (tracer, inputs) =>
    node(tracer, op, [input(inputs, "x")], { attributes });

/** tfjs computes these in floats even for integers. */
const floatUnary =
  (op: string): Lowering =>
  (tracer, inputs) =>
    node(tracer, op, [cast(tracer, input(inputs, "x"), "float32")]);

const binary =
  (compute: Binary): Lowering =>
  (tracer, inputs) =>
    compute(tracer, input(inputs, "a"), input(inputs, "b"));

const widened =
  (op: string): Lowering =>
  (tracer, inputs) => {
    const a = input(inputs, "a");
    const b = input(inputs, "b");
    const dtype = upcast(a.dtype, b.dtype);
    return node(tracer, op, [cast(tracer, a, dtype), cast(tracer, b, dtype)], { dtype });
  };

const comparison =
  (op: string): Lowering =>
  (tracer, inputs) => {
    const a = input(inputs, "a");
    const b = input(inputs, "b");
    // ONNX orders numbers only; two booleans compare as integers.
    const wide = upcast(a.dtype, b.dtype);
    const dtype = wide === "bool" ? "int32" : wide;
    return node(tracer, op, [cast(tracer, a, dtype), cast(tracer, b, dtype)], { dtype: "bool" });
  };

const logical =
  (op: string): Lowering =>
  (tracer, inputs) =>
    node(tracer, op, [cast(tracer, input(inputs, "a"), "bool"), cast(tracer, input(inputs, "b"), "bool")]);

function pow(tracer: Tracer, a: Sym, b: Sym): Sym {
  const exponent = splatValue(b);
  if (a.dtype === "float32" && exponent !== undefined) {
    const base = tracer.broadcast(a, broadcastShape([a.shape, b.shape]));
    if (exponent === 1) return base;
    if (exponent === 2) return mul(tracer, base, base);
    if (exponent === 3) return mul(tracer, mul(tracer, base, base), base);
    if (exponent === 0.5) return node(tracer, "Sqrt", [base]);
    if (exponent === -1) return node(tracer, "Reciprocal", [base]);
  }
  const dtype = upcast(a.dtype, b.dtype);
  return node(tracer, "Pow", [cast(tracer, a, dtype), cast(tracer, b, dtype)], { dtype });
}

/** x > 0 ? 1 : alpha, and NaN stays NaN. */
const step: Lowering = (tracer, inputs, attributes) => {
  const x = cast(tracer, input(inputs, "x"), "float32");
  const alpha = attribute<StepAttrs["alpha"]>(attributes, "alpha");
  const positive = node(tracer, "Greater", [x, number(0)], { dtype: "bool" });
  return select(tracer, positive, number(1), number(alpha));
};

export function select(tracer: Tracer, condition: Sym, yes: Sym, no: Sym): Sym {
  return elementwise(tracer, [condition, yes, no], yes.dtype, (edges, shape) =>
    tracer.emit("Where", edges, shape, { type: yes.dtype }),
  );
}

export function compare(tracer: Tracer, op: "Greater" | "Less" | "GreaterOrEqual" | "Equal", a: Sym, b: Sym): Sym {
  return node(tracer, op, [a, b], { dtype: "bool" });
}

/** log(1 + x) that keeps the digits of a small x: the rounding error of 1 + x cancels in the quotient. */
function log1p(tracer: Tracer, x: Sym): Sym {
  const u = add(tracer, x, number(1));
  const exact = mul(tracer, node(tracer, "Log", [u]), div(tracer, x, sub(tracer, u, number(1))));
  const large = compare(tracer, "Greater", x, number(1e6));
  const tiny = compare(tracer, "Equal", u, number(1));
  return select(tracer, tiny, x, select(tracer, large, node(tracer, "Log", [u]), exact));
}

/** exp(x) - 1 that keeps the digits of a small x: 2 tanh(x/2) / (1 - tanh(x/2)). */
function expm1(tracer: Tracer, x: Sym): Sym {
  const t = node(tracer, "Tanh", [mul(tracer, x, number(0.5))]);
  const small = div(tracer, mul(tracer, t, number(2)), sub(tracer, number(1), t));
  const near = compare(tracer, "Less", node(tracer, "Abs", [x]), number(0.5));
  return select(tracer, near, small, sub(tracer, node(tracer, "Exp", [x]), number(1)));
}

/** Division rounded down, as tfjs does it: in doubles, so that all 32 bits of the integers count. */
const floorDivide: Lowering = (tracer, inputs) => {
  const a = input(inputs, "a");
  const b = input(inputs, "b");
  const dtype = upcast(a.dtype, b.dtype);
  return elementwise(tracer, [a, b], dtype, (edges, shape) => {
    const doubles = edges.map((edge) =>
      tracer.emit("Cast", [edge], edge.shape, { type: "float64", attributes: { to: 11n } }),
    );
    const quotient = tracer.emit("Floor", [tracer.emit("Div", doubles, shape)], shape);
    return tracer.emit("Cast", [quotient], shape, { type: dtype, attributes: { to: dtype === "int32" ? 6n : 1n } });
  });
};

/** Remainder with the sign of the divisor. */
const mod: Lowering = (tracer, inputs) => {
  const a = input(inputs, "a");
  const b = input(inputs, "b");
  const dtype = upcast(a.dtype, b.dtype);
  const [x, y] = [cast(tracer, a, dtype), cast(tracer, b, dtype)];
  if (dtype === "int32") return node(tracer, "Mod", [x, y]);
  const remainder = (left: Sym): Sym => node(tracer, "Mod", [left, y], { attributes: { fmod: 1n } });
  return remainder(add(tracer, remainder(x), y));
};

const atan2: Lowering = (tracer, inputs) => {
  const y = input(inputs, "a");
  const x = input(inputs, "b");
  const zero = number(0);
  const angle = node(tracer, "Atan", [div(tracer, y, x)]);
  const below = compare(tracer, "Less", y, zero);
  const half = select(tracer, below, number(-Math.PI), number(Math.PI));
  const left = add(tracer, angle, half);
  const axis = select(
    tracer,
    below,
    number(-Math.PI / 2),
    select(tracer, compare(tracer, "Greater", y, zero), number(Math.PI / 2), zero),
  );
  const onAxis = compare(tracer, "Equal", x, zero);
  return select(tracer, onAxis, axis, select(tracer, compare(tracer, "Less", x, zero), left, angle));
};

const selectKernel: Lowering = (tracer, inputs) => {
  const yes = input(inputs, "t");
  let condition = cast(tracer, input(inputs, "condition"), "bool");
  if (condition.shape.length === 1 && yes.shape.length > 1) {
    // A list of booleans chooses whole rows.
    condition = tracer.reshape(condition, [condition.shape[0]!, ...yes.shape.slice(1).map(() => 1)]);
  }
  const dtype = upcast(yes.dtype, input(inputs, "e").dtype);
  return select(tracer, condition, cast(tracer, yes, dtype), cast(tracer, input(inputs, "e"), dtype));
};

const isFinite: Lowering = (tracer, inputs) => {
  const x = input(inputs, "x");
  const nan = node(tracer, "IsNaN", [x], { dtype: "bool" });
  const infinite = node(tracer, "IsInf", [x], { dtype: "bool" });
  return node(tracer, "Not", [node(tracer, "Or", [nan, infinite])]);
};

const clip: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  return clamp(
    tracer,
    x,
    attribute<ClipByValueAttrs["clipValueMin"]>(attributes, "clipValueMin"),
    attribute<ClipByValueAttrs["clipValueMax"]>(attributes, "clipValueMax"),
  );
};

function clamp(tracer: Tracer, x: Sym, minimum: number, maximum: number): Sym {
  return elementwise(tracer, [x], x.dtype, ([edge], shape) =>
    tracer.emit("Clip", [edge, tracer.graph.scalar(minimum, x.dtype), tracer.graph.scalar(maximum, x.dtype)], shape),
  );
}

const zeroOrOne =
  (value: 0 | 1): Lowering =>
  (_, inputs) => {
    const x = input(inputs, "x");
    return { shape: x.shape, dtype: x.dtype, source: { kind: "splat", value } };
  };

/** f(x) of fused kernels' `activation` attribute. */
export function activate(tracer: Tracer, x: Sym, activation: string, prelu?: Sym, leakyAlpha?: number): Sym {
  switch (activation) {
    case "linear":
      return x;
    case "relu":
      return node(tracer, "Relu", [x]);
    case "relu6":
      return clamp(tracer, x, 0, 6);
    case "elu":
      return node(tracer, "Elu", [x]);
    case "sigmoid":
      return node(tracer, "Sigmoid", [x]);
    case "leakyrelu":
      return node(tracer, "LeakyRelu", [x], { attributes: { alpha: leakyAlpha ?? 0.2 } });
    case "prelu":
      if (prelu !== undefined) return parametricRelu(tracer, x, prelu);
      break;
  }
  throw new Error(`activation "${activation}" has no lowering`);
}

function parametricRelu(tracer: Tracer, x: Sym, alpha: Sym): Sym {
  return select(tracer, compare(tracer, "Less", x, number(0)), mul(tracer, x, alpha), x);
}

export const elementwiseKernels: KernelTable = {
  Abs: unary("Abs"),
  Acos: floatUnary("Acos"),
  Acosh: floatUnary("Acosh"),
  Add: binary(add),
  AddN: (tracer, inputs) => inputList(inputs).reduce((sum, sym) => add(tracer, sum, sym)),
  Asin: floatUnary("Asin"),
  Asinh: floatUnary("Asinh"),
  Atan: floatUnary("Atan"),
  Atan2: atan2,
  Atanh: floatUnary("Atanh"),
  BitwiseAnd: binary((tracer, a, b) => node(tracer, "BitwiseAnd", [a, b])),
  Cast: (tracer, inputs, attributes) => cast(tracer, input(inputs, "x"), attribute<TensorType>(attributes, "dtype")),
  Ceil: unary("Ceil"),
  ClipByValue: clip,
  Cos: floatUnary("Cos"),
  Cosh: floatUnary("Cosh"),
  Elu: unary("Elu"),
  EluGrad: (tracer, inputs) => {
    const dy = input(inputs, "dy");
    const y = input(inputs, "y");
    const slope = add(tracer, y, number(1));
    return select(tracer, compare(tracer, "GreaterOrEqual", y, number(0)), dy, mul(tracer, dy, slope));
  },
  Equal: comparison("Equal"),
  Erf: unary("Erf"),
  Exp: floatUnary("Exp"),
  Expm1: (tracer, inputs) => expm1(tracer, cast(tracer, input(inputs, "x"), "float32")),
  Floor: unary("Floor"),
  FloorDiv: floorDivide,
  Greater: comparison("Greater"),
  GreaterEqual: comparison("GreaterOrEqual"),
  Identity: (_, inputs) => input(inputs, "x"),
  IsFinite: isFinite,
  IsInf: (tracer, inputs) => node(tracer, "IsInf", [input(inputs, "x")], { dtype: "bool" }),
  IsNan: (tracer, inputs) => node(tracer, "IsNaN", [input(inputs, "x")], { dtype: "bool" }),
  LeakyRelu: (tracer, inputs, attributes) =>
    node(tracer, "LeakyRelu", [cast(tracer, input(inputs, "x"), "float32")], {
      attributes: { alpha: attribute<LeakyReluAttrs["alpha"]>(attributes, "alpha") },
    }),
  Less: comparison("Less"),
  LessEqual: comparison("LessOrEqual"),
  Log: floatUnary("Log"),
  Log1p: (tracer, inputs) => log1p(tracer, cast(tracer, input(inputs, "x"), "float32")),
  LogicalAnd: logical("And"),
  LogicalNot: (tracer, inputs) => node(tracer, "Not", [cast(tracer, input(inputs, "x"), "bool")]),
  LogicalOr: logical("Or"),
  LogicalXor: logical("Xor"),
  Maximum: widened("Max"),
  Minimum: widened("Min"),
  Mod: mod,
  Multiply: binary(mul),
  Neg: unary("Neg"),
  NotEqual: (tracer, inputs, attributes) => {
    const equal = comparison("Equal")(tracer, inputs, attributes);
    return node(tracer, "Not", Array.isArray(equal) ? equal : [equal]);
  },
  OnesLike: zeroOrOne(1),
  Pow: binary(pow),
  Prelu: (tracer, inputs) => parametricRelu(tracer, input(inputs, "x"), input(inputs, "alpha")),
  RealDiv: binary(div),
  Reciprocal: floatUnary("Reciprocal"),
  Relu: unary("Relu"),
  Relu6: (tracer, inputs) => clamp(tracer, input(inputs, "x"), 0, 6),
  Round: unary("Round"),
  Rsqrt: (tracer, inputs) =>
    node(tracer, "Reciprocal", [node(tracer, "Sqrt", [cast(tracer, input(inputs, "x"), "float32")])]),
  Select: selectKernel,
  Selu: unary("Selu"),
  Sigmoid: floatUnary("Sigmoid"),
  Sign: unary("Sign"),
  Sin: floatUnary("Sin"),
  Sinh: floatUnary("Sinh"),
  Softplus: floatUnary("Softplus"),
  Sqrt: floatUnary("Sqrt"),
  Square: (tracer, inputs) => mul(tracer, input(inputs, "x"), input(inputs, "x")),
  SquaredDifference: binary((tracer, a, b) => {
    const difference = sub(tracer, a, b);
    return mul(tracer, difference, difference);
  }),
  Step: step,
  Sub: binary(sub),
  Tan: floatUnary("Tan"),
  Tanh: floatUnary("Tanh"),
  ZerosLike: zeroOrOne(0),
};
