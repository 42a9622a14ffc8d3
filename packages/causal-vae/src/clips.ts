// Clips as tensors.
import { type Clip, ShapeError, type VideoTensor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** Clips of one size as `[clips, frames, height, width, 3]` in [-1, 1]: `byte / 127.5 - 1`. */
export function clipsToTensor(clips: readonly Clip[]): VideoTensor {
  const first = clips[0];
  if (first === undefined) throw new ShapeError("clips is empty; give at least one clip");
  const { frames, height, width } = first;
  const size = frames * height * width * 3;
  const values = new Float32Array(clips.length * size);
  clips.forEach((clip, index) => {
    if (clip.frames !== frames || clip.height !== height || clip.width !== width) {
      throw new ShapeError(
        `clip ${clip.id} is ${clip.frames} x ${clip.height} x ${clip.width} but ${first.id} is ${frames} x ${height} x ${width}; put clips of one size into a batch`,
      );
    }
    if (clip.pixels.length !== size) {
      throw new ShapeError(
        `clip ${clip.id} has ${clip.pixels.length} bytes; frames * height * width * 3 is ${size}: give RGB bytes`,
      );
    }
    for (let i = 0; i < size; i++) values[index * size + i] = clip.pixels[i]! / 127.5 - 1;
  });
  return tf.tensor5d(values, [clips.length, frames, height, width, 3]);
}
