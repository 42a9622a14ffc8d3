// The names that a configuration calls its building blocks by: the reference's class names.

/** Convolutions. `Conv2d` runs on every frame by itself. */
export const convolutionNames = ["CausalConv3d", "Conv2d"] as const;
/** Residual blocks. */
export const resnetNames = ["ResnetBlock3D", "ResnetBlock2D"] as const;
/** Attention blocks. */
export const attentionNames = ["AttnBlock3D", "AttnBlock3DFix", "AttnBlock", "TemporalAttnBlock"] as const;
/** What halves height and width. */
export const spatialDownsampleNames = ["SpatialDownsample2x", "Downsample"] as const;
/** What doubles height and width. */
export const spatialUpsampleNames = ["SpatialUpsample2x", "Upsample"] as const;
/** What halves the frame rate. */
export const timeDownsampleNames = ["TimeDownsample2x", "TimeDownsampleRes2x"] as const;
/** What doubles the frame rate. */
export const timeUpsampleNames = ["TimeUpsample2x", "TimeUpsampleRes2x"] as const;

export type ConvolutionName = (typeof convolutionNames)[number];
export type ResnetName = (typeof resnetNames)[number];
export type AttentionName = (typeof attentionNames)[number];
export type SpatialDownsampleName = (typeof spatialDownsampleNames)[number];
export type SpatialUpsampleName = (typeof spatialUpsampleNames)[number];
export type TimeDownsampleName = (typeof timeDownsampleNames)[number];
export type TimeUpsampleName = (typeof timeUpsampleNames)[number];
