// Why some of tfjs's kernels are not compiled.

const complex = "ONNX Runtime has no complex tensors";
const strings = "ONNX Runtime graphs here hold no strings";
const dynamic = "the shape of its result depends on values";
const random = "it draws random numbers, which would be the same on every run; draw them outside and pass them in";
const browser = "it reads or draws pixels of a browser";
const composed = "no op of tfjs calls it";
const missing = "it has no lowering yet";

/** Reasons by kernel name; the error message and KERNELS.md show them. */
export const refusals: Readonly<Record<string, string>> = {
  Bincount: missing,
  BroadcastArgs: dynamic,
  Complex: complex,
  ComplexAbs: complex,
  CropAndResize: missing,
  Cumprod: "ONNX has no running product",
  DenseBincount: missing,
  Diag: missing,
  Dilation2D: missing,
  Dilation2DBackpropFilter: missing,
  Dilation2DBackpropInput: missing,
  Draw: browser,
  FFT: complex,
  FromPixels: browser,
  FusedBatchNorm: missing,
  IFFT: complex,
  Imag: complex,
  LRN: missing,
  LRNGrad: missing,
  MatrixBandPart: composed,
  MaxPoolWithArgmax: missing,
  Multinomial: random,
  NonMaxSuppressionV3: dynamic,
  NonMaxSuppressionV4: dynamic,
  NonMaxSuppressionV5: dynamic,
  Pool: composed,
  RaggedGather: dynamic,
  RaggedRange: dynamic,
  RaggedTensorToTensor: dynamic,
  Real: complex,
  RotateWithOffset: missing,
  SearchSorted: missing,
  LowerBound: missing,
  UpperBound: missing,
  SparseFillEmptyRows: dynamic,
  SparseReshape: dynamic,
  SparseSegmentMean: dynamic,
  SparseSegmentSum: dynamic,
  StaticRegexReplace: strings,
  StringNGrams: strings,
  StringSplit: strings,
  StringToHashBucketFast: strings,
  Transform: missing,
  Unique: dynamic,
};
