// Cuts that follow each other too fast are flashes: PySceneDetect's FlashFilter in MERGE mode.

export interface FlashFilter {
  /** Takes the next frame's number and whether its score reached the threshold; returns the frame of a cut, if one is due now. */
  next(frame: number, above: boolean): number | undefined;
}

/**
 * Lets a cut through when `minSceneFrames` frames have passed since the last frame above the threshold. A burst of cuts
 * that lasts at least that long ends with a cut at its last frame.
 */
export function flashFilter(options: { readonly minSceneFrames: number }): FlashFilter {
  const { minSceneFrames } = options;
  let lastAbove: number | undefined;
  let hadCut = false;
  let burstStart: number | undefined;
  return {
    next(frame, above) {
      if (minSceneFrames <= 0) return above ? frame : undefined;
      lastAbove ??= frame;
      const longEnough = frame - lastAbove >= minSceneFrames;
      if (above) lastAbove = frame;
      if (burstStart !== undefined) {
        if (!longEnough || above || lastAbove - burstStart < minSceneFrames) return undefined;
        burstStart = undefined;
        return lastAbove;
      }
      if (!above) return undefined;
      if (longEnough) {
        hadCut = true;
        return frame;
      }
      if (hadCut) burstStart = frame;
      return undefined;
    },
  };
}
