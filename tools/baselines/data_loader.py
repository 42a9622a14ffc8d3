"""Clips a second of PyAV with PyTorch's DataLoader, doing what packages/data/bench/loader.ts does.

    python tools/baselines/data_loader.py FOLDER --frames 17 --size 192 --batch 4 --workers 2 --batches 24

Prints one JSON object. Needs av and torch. Whole clips are decoded, as the reference's loader does; with --decode needed the
crop is drawn first, decoding ends with its last frame, and only its frames are converted.
"""

import argparse
import glob
import json
import os
import random
import time

import av
import numpy as np
import torch
import torch.nn.functional as F


class Clips(torch.utils.data.Dataset):
    def __init__(self, files, frames, size, length, decode):
        self.files, self.frames, self.size, self.length, self.decode = files, frames, size, length, decode

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        file = self.files[index % len(self.files)]
        pictures = self.needed(file) if self.decode == "needed" else self.whole(file)
        clip = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
        height, width = clip.shape[-2:]
        edge = min(height, width)
        top, left = (height - edge) // 2, (width - edge) // 2
        clip = clip[..., top : top + edge, left : left + edge]
        clip = F.interpolate(clip, size=(self.size, self.size), mode="bilinear", align_corners=True, antialias=True)
        if random.random() < 0.5:
            clip = clip.flip(-1)
        return clip * 2 - 1

    def choose(self, total):
        begin = random.randint(0, max(0, total - self.frames))
        return np.linspace(begin, min(begin + self.frames, total) - 1, self.frames).astype(int)

    def whole(self, file):
        with av.open(file) as container:
            container.streams.video[0].thread_count = 1
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return [decoded[i] for i in self.choose(len(decoded))]

    def needed(self, file):
        with av.open(file) as container:
            container.streams.video[0].thread_count = 1
            picked = self.choose(container.streams.video[0].frames)
            kept = {}
            for i, frame in enumerate(container.decode(video=0)):
                if i >= picked[0]:
                    kept[i] = frame.to_ndarray(format="rgb24")
                if i == picked[-1]:
                    break
        return [kept[i] for i in picked]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    for name, value in {"frames": 17, "size": 192, "batch": 4, "workers": 0, "batches": 24}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--decode", choices=["whole", "needed"], default="whole")
    options = parser.parse_args()
    torch.set_num_threads(1)
    files = sorted(glob.glob(os.path.join(options.folder, "*.mp4")))
    warm = 2
    clips = Clips(files, options.frames, options.size, (options.batches + warm) * options.batch, options.decode)
    loader = torch.utils.data.DataLoader(clips, batch_size=options.batch, shuffle=True, num_workers=options.workers)
    started = None
    for step, batch in enumerate(loader):
        assert batch.shape == (options.batch, options.frames, 3, options.size, options.size)
        if step == warm - 1:
            started = time.perf_counter()
    seconds = time.perf_counter() - started
    print(json.dumps({"clips": options.batches * options.batch, "seconds": seconds, "clips_per_second": options.batches * options.batch / seconds}))


main()
