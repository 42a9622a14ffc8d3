"""The Latte text-to-video transformer in PyTorch, with the names of its checkpoints. Tokens are [B, F, N, D]."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x, context=None, bias=None):
        context = x if context is None else context
        q, k, v = (self.split(m(y)) for m, y in ((self.to_q, x), (self.to_k, context), (self.to_v, context)))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.to_out[0](mixed.transpose(1, 2).flatten(2))

    def split(self, x):
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


class GeluProjection(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.proj = nn.Linear(width, 4 * width)

    def forward(self, x):
        return F.gelu(self.proj(x), approximate="tanh")


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.ModuleList([GeluProjection(width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x):
        for module in self.net:
            x = module(x)
        return x


class Block(nn.Module):
    """Self-attention, cross-attention where there is a text, MLP; shifts, scales and gates from the timestep."""

    def __init__(self, width, heads, text):
        super().__init__()
        self.scale_shift_table = nn.Parameter(torch.zeros(6, width))
        self.attn1 = Attention(width, heads)
        if text:
            self.attn2 = Attention(width, heads)
        self.ff = FeedForward(width)

    def forward(self, x, modulation, text=None, bias=None):
        width = x.shape[-1]
        parts = (self.scale_shift_table[None] + modulation).chunk(6, dim=1)
        shift1, scale1, gate1, shift2, scale2, gate2 = parts
        x = x + gate1 * self.attn1(F.layer_norm(x, (width,), eps=1e-6) * (1 + scale1) + shift1)
        if text is not None:
            x = x + self.attn2(x, text, bias)
        return x + gate2 * self.ff(F.layer_norm(x, (width,), eps=1e-6) * (1 + scale2) + shift2)


def spatial_then_temporal(spatial, temporal, x, modulation, text, table=None):
    """x: [B, F, N, D]. Frames share the text and the modulation of their clip."""
    b, f, n, d = x.shape
    per_frame = lambda y: y[:, None].expand(-1, f, *(-1,) * (y.dim() - 1)).flatten(0, 1)
    x = spatial(x.flatten(0, 1), per_frame(modulation), per_frame(text))
    x = x.unflatten(0, (b, f)).transpose(1, 2).flatten(0, 1)  # [B * N, F, D]
    if table is not None:
        x = x + table
    per_token = modulation[:, None].expand(-1, n, -1, -1).flatten(0, 1)
    x = temporal(x, per_token)
    return x.unflatten(0, (b, n)).transpose(1, 2)


class LatteLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([Block(1152, 16, text=True), Block(1152, 16, text=False)])

    def prepare(self, inputs):
        return {"x": inputs["x"], "text": inputs["text"][0], "modulation": inputs["modulation"]}

    def forward(self, x, text, modulation):
        spatial, temporal = self.parts
        return spatial_then_temporal(spatial, temporal, x, modulation, text)


def sincos(width, positions):
    """[len(positions), width]: sines, then cosines."""
    omega = 1.0 / 10000 ** (torch.arange(width // 2, dtype=torch.float64) / (width / 2))
    angles = positions[:, None].double() * omega
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


class Latte(nn.Module):
    """The whole transformer at timestep 500, patches of 2 x 2, positions made for its own grid."""

    def __init__(self, heads, head_width, layers, outputs, caption_channels, grid=16, frames=5):
        super().__init__()
        width = heads * head_width
        self.width, self.grid, self.frames, self.outputs = width, grid, frames, outputs
        self.scale_shift_table = nn.Parameter(torch.zeros(2, width))
        self.pos_embed = nn.Module()
        self.pos_embed.proj = nn.Conv2d(4, width, 2, stride=2)
        self.transformer_blocks = nn.ModuleList(Block(width, heads, text=True) for _ in range(layers))
        self.temporal_transformer_blocks = nn.ModuleList(Block(width, heads, text=False) for _ in range(layers))
        self.proj_out = nn.Linear(width, 4 * outputs)
        self.adaln_single = nn.Module()
        self.adaln_single.emb = nn.Module()
        self.adaln_single.emb.timestep_embedder = two_linears(256, width)
        self.adaln_single.linear = nn.Linear(width, 6 * width)
        self.caption_projection = two_linears(caption_channels, width)
        self.caption_projection.y_embedding = nn.Parameter(torch.zeros(120, caption_channels), requires_grad=False)
        side = torch.arange(grid)
        y, x = torch.meshgrid(side, side, indexing="ij")
        half = width // 2
        self.spatial_table = torch.cat([sincos(half, x.flatten()), sincos(half, y.flatten())], dim=1)
        self.temporal_table = sincos(width, torch.arange(frames))

    def prepare(self, inputs):
        """Latents as [B * F, C, h, w] and texts as [B, M, C]."""
        latents = inputs["latents"].movedim(-1, 2).flatten(0, 1).contiguous()
        return {**inputs, "latents": latents, "text": inputs["text"][:, 0]}

    def forward(self, latents, text):
        """[B, F, h, w, C]"""
        width, grid, frames = self.width, self.grid, self.frames
        x = self.pos_embed.proj(latents).flatten(2).transpose(1, 2) + self.spatial_table
        x = x.unflatten(0, (-1, frames))
        half = torch.exp(-math.log(10000) * torch.arange(128) / 128)
        angles = torch.full((len(x), 1), 500.0) * half
        embedder = self.adaln_single.emb.timestep_embedder
        time = embedder.linear_2(F.silu(embedder.linear_1(torch.cat([angles.cos(), angles.sin()], dim=1))))
        modulation = self.adaln_single.linear(F.silu(time)).unflatten(1, (6, width))
        projection = self.caption_projection
        text = projection.linear_2(F.gelu(projection.linear_1(text), approximate="tanh"))
        for layer, (spatial, temporal) in enumerate(zip(self.transformer_blocks, self.temporal_transformer_blocks)):
            table = self.temporal_table if layer == 0 else None
            x = spatial_then_temporal(spatial, temporal, x, modulation, text, table)
        shift, scale = (self.scale_shift_table[None] + time[:, None]).chunk(2, dim=1)
        x = F.layer_norm(x, (width,), eps=1e-6) * (1 + scale[:, None]) + shift[:, None]
        x = self.proj_out(x).reshape(-1, frames, grid, grid, 2, 2, self.outputs).permute(0, 1, 2, 4, 3, 5, 6)
        return x.reshape(-1, frames, 2 * grid, 2 * grid, self.outputs)


class LatteXl(Latte):
    """The released model: 28 pairs of blocks of width 1152."""

    def __init__(self):
        super().__init__(heads=16, head_width=72, layers=28, outputs=8, caption_channels=4096)


class GuidedStep(LatteXl):
    """Both halves in one batch, the texts read again at every step as the reference does."""

    def forward(self, latents, text):
        without, with_text = super().forward(torch.cat([latents, latents]), text).chunk(2)
        return without + 7.5 * (with_text - without)


class LatteLoss(Latte):
    """Mean squared error of the predicted noise; 3 layers of width 256."""

    def __init__(self):
        super().__init__(heads=4, head_width=64, layers=3, outputs=4, caption_channels=64)

    def forward(self, latents, noise, text):
        return F.mse_loss(super().forward(latents, text), noise)


def two_linears(inputs, width):
    module = nn.Module()
    module.linear_1 = nn.Linear(inputs, width)
    module.linear_2 = nn.Linear(width, width)
    return module
