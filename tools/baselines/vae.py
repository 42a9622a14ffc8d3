"""The causal VAE of the released structure in PyTorch, with the names of its checkpoints. Tensors are [B, C, T, H, W]."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class CausalConv3d(nn.Module):
    """The first frame is repeated before the clip, so no output sees a later frame."""

    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.before = kernel[0] - 1
        self.conv = nn.Conv3d(inputs, outputs, kernel, stride=stride, padding=padding)

    def forward(self, x):
        if self.before:
            x = torch.cat([x[:, :, :1].repeat(1, 1, self.before, 1, 1), x], dim=2)
        return self.conv(x)


def conv3(inputs, outputs):
    return CausalConv3d(inputs, outputs, (3, 3, 3), padding=(0, 1, 1))


def conv1(inputs, outputs):
    return CausalConv3d(inputs, outputs, (1, 1, 1))


class ResnetBlock3D(nn.Module):
    def __init__(self, inputs, outputs, groups=32):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps=1e-6)
        self.conv1 = conv3(inputs, outputs)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=1e-6)
        self.conv2 = conv3(outputs, outputs)
        if inputs != outputs:
            self.nin_shortcut = conv1(inputs, outputs)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x) + h


class AttnBlock3D(nn.Module):
    """The released model's attention, which reads [B, C, T, HW] as [B*T, C, HW] without moving time."""

    def __init__(self, channels, groups=32):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.q, self.k, self.v, self.proj_out = (conv1(channels, channels) for _ in range(4))

    def forward(self, x):
        b, c, t, h, w = x.shape
        normed = self.norm(x)
        q, k, v = (m(normed).reshape(b * t, c, h * w).transpose(1, 2) for m in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        return x + self.proj_out(mixed.transpose(1, 2).reshape(b, c, t, h, w))


class SpatialDownsample2x(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = CausalConv3d(channels, channels, (1, 3, 3), stride=(1, 2, 2))

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1, 0, 0)))


class SpatialUpsample2x(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = CausalConv3d(channels, channels, (1, 3, 3), padding=(0, 1, 1))

    def forward(self, x):
        b, c, t, h, w = x.shape
        frames = x.transpose(1, 2).reshape(b * t, c, h, w)
        frames = F.interpolate(frames, scale_factor=2, mode="nearest")
        return self.conv(frames.reshape(b, t, c, 2 * h, 2 * w).transpose(1, 2))


class TimeDownsample2x(nn.Module):
    def forward(self, x):
        return F.avg_pool3d(torch.cat([x[:, :, :1]] * 2 + [x], dim=2), (3, 1, 1), stride=(2, 1, 1))


class TimeUpsample2x(nn.Module):
    def forward(self, x):
        if x.shape[2] == 1:
            return x
        rest = F.interpolate(x[:, :, 1:], scale_factor=(2, 1, 1), mode="trilinear")
        return torch.cat([x[:, :, :1], rest], dim=2)


class Level(nn.Module):
    """Fields that a level lacks are None."""

    def __init__(self, inputs, outputs, blocks, groups=32, **resamplers):
        super().__init__()
        self.block = nn.ModuleList(
            ResnetBlock3D(inputs if index == 0 else outputs, outputs, groups) for index in range(blocks)
        )
        for name in ("downsample", "time_downsample", "upsample", "time_upsample"):
            setattr(self, name, resamplers.get(name))

    def forward(self, x):
        for module in [*self.block, self.downsample, self.time_downsample, self.upsample, self.time_upsample]:
            if module is not None:
                x = module(x)
        return x


class Middle(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.block_1 = ResnetBlock3D(channels, channels, groups)
        self.attn_1 = AttnBlock3D(channels, groups)
        self.block_2 = ResnetBlock3D(channels, channels, groups)

    def forward(self, x):
        return self.block_2(self.attn_1(self.block_1(x)))


class Encoder(nn.Module):
    def __init__(self, width, factors, blocks, groups, latents):
        super().__init__()
        widths = [factor * width for factor in factors]
        self.conv_in = conv3(3, width)
        self.down = nn.ModuleList(
            Level(
                widths[max(index - 1, 0)],
                out,
                blocks,
                groups,
                downsample=SpatialDownsample2x(out) if index < 3 else None,
                time_downsample=TimeDownsample2x() if index < 2 else None,
            )
            for index, out in enumerate(widths)
        )
        self.mid = Middle(widths[-1], groups)
        self.norm_out = nn.GroupNorm(groups, widths[-1], eps=1e-6)
        self.conv_out = conv3(widths[-1], 2 * latents)

    def forward(self, x):
        h = self.conv_in(x)
        for level in self.down:
            h = level(h)
        return self.conv_out(F.silu(self.norm_out(self.mid(h))))


class Decoder(nn.Module):
    def __init__(self, width, factors, blocks, groups, latents):
        super().__init__()
        widths = [factor * width for factor in factors]
        last = len(widths) - 1
        self.conv_in = conv3(latents, widths[-1])
        self.mid = Middle(widths[-1], groups)
        self.up = nn.ModuleList(
            Level(
                widths[min(index + 1, last)],
                out,
                blocks + 1,
                groups,
                upsample=SpatialUpsample2x(out) if index > 0 else None,
                time_upsample=TimeUpsample2x() if index > 1 else None,
            )
            for index, out in enumerate(widths)
        )
        self.norm_out = nn.GroupNorm(groups, widths[0], eps=1e-6)
        self.conv_out = conv3(widths[0], 3)

    def forward(self, z):
        h = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            h = level(h)
        return self.conv_out(F.silu(self.norm_out(h)))


def channels_first(x):
    return x.movedim(-1, 1).contiguous()


class Stack(nn.Module):
    """Modules one after another, named `parts.N`, in the order of `order`."""

    def __init__(self, parts, order):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.order = order

    def prepare(self, inputs):
        return {"x": channels_first(inputs["x"])}

    def forward(self, x):
        for part in self.order(*self.parts):
            x = part(x)
        return x


def encoder_stack():
    parts = [Level(128, 128, 2), SpatialDownsample2x(128)]
    return Stack(parts, lambda level, halves: [level, halves, TimeDownsample2x()])


def decoder_stack():
    parts = [Level(128, 128, 3), SpatialUpsample2x(128)]
    return Stack(parts, lambda level, doubles: [doubles, TimeUpsample2x(), level])


class Vae(nn.Module):
    def __init__(self, **sizes):
        super().__init__()
        self.encoder = Encoder(**sizes)
        self.decoder = Decoder(**sizes)
        self.quant_conv = conv1(2 * sizes["latents"], 2 * sizes["latents"])
        self.post_quant_conv = conv1(sizes["latents"], sizes["latents"])

    def prepare(self, inputs):
        return {name: channels_first(value) for name, value in inputs.items()}


RELEASED = dict(width=128, factors=[1, 2, 4, 4], blocks=2, groups=32, latents=4)


class Encode(Vae):
    """Moments of a clip by the released model."""

    def __init__(self):
        super().__init__(**RELEASED)

    def forward(self, video):
        return self.quant_conv(self.encoder(video))


class Decode(Vae):
    def __init__(self):
        super().__init__(**RELEASED)

    def forward(self, latents):
        return self.decoder(self.post_quant_conv(latents))


class VaeLoss(Vae):
    """Mean L1 + 1e-6 * mean KL of a model with 2.7 M parameters."""

    def __init__(self):
        super().__init__(width=32, factors=[1, 1, 2, 2], blocks=1, groups=8, latents=4)

    def forward(self, video, videoNoise):
        mean, logvar = self.quant_conv(self.encoder(video)).chunk(2, dim=1)
        logvar = logvar.clamp(-30, 20)
        z = mean + torch.exp(0.5 * logvar) * videoNoise
        out = self.decoder(self.post_quant_conv(z))
        kl = 0.5 * torch.mean(mean**2 + logvar.exp() - 1 - logvar)
        return F.l1_loss(out, video) + 1e-6 * kl
