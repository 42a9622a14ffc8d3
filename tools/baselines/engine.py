"""One work of the engine benchmark in PyTorch: prints a line when ready, then runs once for every line it reads.

Usage: python tools/baselines/engine.py WORK FILE.safetensors
`tools/engine-bench` starts it; weights and inputs come from the file, so both sides compute the same numbers.
"""

import json
import resource
import sys
import time

import torch

import latte
import vae
from tensors import read_safetensors

WORKS = {
    "encoder-5": vae.encoder_stack,
    "encoder-17": vae.encoder_stack,
    "decoder-5": vae.decoder_stack,
    "decoder-17": vae.decoder_stack,
    "latte-layer": latte.LatteLayer,
    "vae-step": vae.VaeLoss,
    "latte-step": latte.LatteLoss,
    "encode": vae.Encode,
    "decode": vae.Decode,
    "latte-xl": latte.LatteXl,
    "latte-guided": latte.GuidedStep,
}


def main():
    key, file = sys.argv[1:3]
    model = WORKS[key]()
    missing = set(model.state_dict())
    inputs = {}
    for name, value in read_safetensors(file):
        if name.startswith("input."):
            inputs[name[6:]] = value
        else:
            model.load_state_dict({name: value}, strict=False)
            missing.remove(name)
    assert not missing, f"the file has no {sorted(missing)}"
    inputs = model.prepare(inputs)
    step = training(model, inputs) if key.endswith("-step") else inference(model, inputs)
    say(ready=True)
    for line in sys.stdin:
        if line.strip() != "run":
            break
        cpu, started = time.process_time(), time.perf_counter()
        result = step()
        milliseconds = (time.perf_counter() - started) * 1000
        spent = (time.process_time() - cpu) * 1000
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        say(milliseconds=milliseconds, cpu=spent, value=result.abs().mean().item(), peakBytes=peak)


def inference(model, inputs):
    model.eval()

    def step():
        with torch.inference_mode():
            return model(**inputs)

    return step


def training(model, inputs):
    parameters = [p for name, p in model.named_parameters() if "y_embedding" not in name]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = model(**inputs)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def say(**values):
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
