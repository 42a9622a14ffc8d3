// Black bars around the picture.
import type { FrameMeasure } from "./contracts.js";

/** A row or column belongs to a bar when no more than one pixel in fifty of it is ever brighter than this. */
const darkest = 24;
const tolerated = 0.02;

/**
 * `border_top`, `border_bottom`, `border_left`, `border_right`: part of the height or width that is black in every frame.
 * `border`: part of the area. All `null` when the whole clip is black.
 */
export const borderMeasure: FrameMeasure = {
  name: "border",
  columns: ["border", "border_top", "border_bottom", "border_left", "border_right"],
  begin() {
    let brightest: Uint8Array | undefined;
    let size = { height: 0, width: 0 };
    return {
      add({ grey, height, width }) {
        size = { height, width };
        if (brightest === undefined || brightest.length !== grey.length) brightest = Uint8Array.from(grey);
        else for (let i = 0; i < grey.length; i++) if (grey[i]! > brightest[i]!) brightest[i] = grey[i]!;
      },
      end() {
        const { height, width } = size;
        const pixels = brightest ?? new Uint8Array();
        const isDark = (length: number, at: (i: number) => number): boolean => {
          let bright = 0;
          for (let i = 0; i < length; i++) if (pixels[at(i)]! > darkest) bright++;
          return bright <= tolerated * length;
        };
        const rows = Array.from({ length: height }, (_, y) => isDark(width, (x) => y * width + x));
        const columns = Array.from({ length: width }, (_, x) => isDark(height, (y) => y * width + x));
        const [top, left] = [rows.indexOf(false), columns.indexOf(false)];
        if (top < 0 || left < 0) {
          return { border: null, border_top: null, border_bottom: null, border_left: null, border_right: null };
        }
        const bottom = height - 1 - rows.lastIndexOf(false);
        const right = width - 1 - columns.lastIndexOf(false);
        return {
          border: 1 - ((height - top - bottom) * (width - left - right)) / (height * width),
          border_top: top / height,
          border_bottom: bottom / height,
          border_left: left / width,
          border_right: right / width,
        };
      },
    };
  },
};
