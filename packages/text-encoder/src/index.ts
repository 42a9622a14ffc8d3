export { cached, type CachedOptions } from "./cached.js";
export { diskCached, type DiskCachedOptions, hashFolder, type LazyTextEncoder } from "./disk-cached.js";
export {
  applyCleaning,
  assertCaption,
  type CaptionCleaning,
  cleanCaption,
  cleanCaptionTwice,
  emptyAfterCleaning,
} from "./cleaning/clean-caption.js";
export { fixText } from "./cleaning/fix-text.js";
export { htmlText } from "./cleaning/html-text.js";
export { htmlUnescape } from "./cleaning/html-unescape.js";
export { smallTextEncoder, type SmallTextEncoderOptions } from "./small-text-encoder.js";
export { ignoredT5ConfigKeys, parseT5Config, type T5Config, type T5ConfigInput } from "./t5/config.js";
export { T5Encoder } from "./t5/model.js";
export { positionBucket, positionBuckets, type PositionBucketOptions } from "./t5/position-buckets.js";
export {
  t5TextEncoder,
  type T5TextEncoderOptions,
  type TokenizedPrompts,
  type TokenTextEncoder,
} from "./text-encoder.js";
export { byteTokenizer } from "./tokenizer/byte.js";
export { endAndPad, type TokenizedText, type Tokenizer } from "./tokenizer/tokenizer.js";
export { unigramTokenizer, type UnigramTokenizer, type UnigramTokenizerOptions } from "./tokenizer/unigram.js";
