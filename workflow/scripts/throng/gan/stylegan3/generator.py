"""StyleGAN3's generator, configurations t and r: Karras et al., NeurIPS 2021, section 3 and appendix F."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from throng.errors import ThrongError
from throng.gan.stylegan3.fourier import FourierInput
from throng.gan.stylegan3.layer import Layer, ToRgb
from throng.gan.stylegan3.mapping import Mapping
from throng.gan.stylegan3.schedule import schedule
from throng.gan.stylegan3.sizes import check_sizes
from throng.gan.stylegan3.tracking import summed

# what one step leaves of the average style
W_DECAY = 0.998
IMAGE_GAIN = 0.25
# latents whose styles are averaged where no average is kept
CENTRE_LATENTS = 256


class Generator(nn.Module):
    """Draw images (B, 3, resolution, resolution), float32, nominally -1..1, of z (B, z_dim) and codes c (B, c_dim).

    ``config`` t is equivariant to translation; r also to rotation: kernels of one pixel, radial filters, and twice
    ``cbase`` and ``cmax``. A layer of cutoff f has min(cbase / 2 / f, cmax) channels. ``layers`` come before the one
    that makes colours, the last ``critical`` of them critically sampled; signals reach ``margin`` samples beyond the
    image. Truncation needs average styles: ``w_classes`` are kept class by class, 1 for all images; with 0 that of an
    image's own code is worked out when it is needed. ``implementation`` names how filtered leaky ReLUs are computed,
    and with ``half`` the layers of the ``half_rates`` highest rates work in that dtype; neither is
    part of the architecture. Raises ThrongError for sizes that make no network.
    """

    w_avg: Tensor

    def __init__(
        self,
        config: Literal["t", "r"] = "t",
        resolution: int = 256,
        cbase: int = 16384,
        cmax: int = 512,
        c_dim: int = 0,
        *,
        z_dim: int = 512,
        w_dim: int = 512,
        mapping_layers: int = 2,
        layers: int = 14,
        critical: int = 2,
        margin: int = 10,
        w_classes: int = 1,
        implementation: str = "polyphase",
        half: torch.dtype | None = None,
        half_rates: int = 4,
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {
            "config": config,
            "resolution": resolution,
            "cbase": cbase,
            "cmax": cmax,
            "c_dim": c_dim,
            "z_dim": z_dim,
            "w_dim": w_dim,
            "mapping_layers": mapping_layers,
            "layers": layers,
            "critical": critical,
            "margin": margin,
            "w_classes": w_classes,
        }
        if config not in ("t", "r"):
            raise ThrongError(f"no configuration of StyleGAN3 is called {config!r}: t or r")
        check_sizes(options)
        self.architecture = {"name": "stylegan3", "options": options}
        self.z_dim, self.c_dim, self.w_dim, self.resolution = z_dim, c_dim, w_dim, resolution
        self.implementation, self.half_rates = implementation, half_rates
        self.half: torch.dtype | None = half  # pyright: ignore[reportIncompatibleMethodOverride]
        self.num_ws = layers + 2
        self._track = False
        wide = 2 if config == "r" else 1
        steps = schedule(resolution, wide * cbase, wide * cmax, layers=layers, critical=critical, margin=margin)
        self.rates = [step.rate for step in steps]
        self.mapping = Mapping(z_dim, c_dim, w_dim, mapping_layers)
        self.w_classes = w_classes
        self.register_buffer("w_avg", torch.zeros(max(w_classes, 1), w_dim))
        first = steps[0]
        self.input = FourierInput(w_dim, first.channels, size=first.size, rate=first.rate, cutoff=first.cutoff)
        self.layers = nn.ModuleList(
            Layer(
                w_dim,
                steps[max(index - 1, 0)],
                steps[index],
                kernel=1 if config == "r" else 3,
                radial=config == "r" and index < layers - critical,
            )
            for index in range(layers)
        )
        self.to_rgb = ToRgb(w_dim, steps[-2].channels)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation: float = 1.0,
        classes: Tensor | None = None,
        transform: Tensor | None = None,
    ) -> Tensor:
        """Return images of latents and codes; see :meth:`latents` and :meth:`draw`."""
        return self.draw(self.latents(z, c, truncation=truncation, classes=classes), transform=transform)

    def latents(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation: float = 1.0,
        classes: Tensor | None = None,
        cutoff: int | None = None,
    ) -> Tensor:
        """Return styles, float32 (B, num_ws, w_dim), one for the input and one for each layer.

        ``truncation`` pulls the first ``cutoff`` (all) towards the average style, of the images' classes (integers
        (B,), by default the highest entry of ``c`` that is lit) where it is kept class by class. Raises ThrongError
        when codes are missing or of another length.
        """
        _check_code(c, len(z), self.c_dim)
        w = self.mapping(z, c if self.c_dim else None)
        if self._track:
            self._track_average(w.detach(), self._classes(c, classes, w))
        ws = w[:, None].repeat(1, self.num_ws, 1)
        if truncation == 1.0:
            return ws
        centre = self._centres(c, classes, w)[:, None]
        pulled = centre + truncation * (ws - centre)
        return torch.cat([pulled[:, :cutoff], ws[:, cutoff:]], dim=1) if cutoff is not None else pulled

    def draw(self, latents: Tensor, *, transform: Tensor | None = None) -> Tensor:
        """Return float32 images of styles (B, num_ws, w_dim).

        ``transform`` (B or 1, 3, 3) moves the picture: it acts on (x, y, 1) with x to the right, y down, the image's
        width 1 and its centre (0, 0); see :func:`translation` and :func:`rotation`.
        """
        inverse = None if transform is None else torch.linalg.inv(transform.double())
        x = self.input(latents[:, 0], inverse)
        for index, layer in enumerate(self.layers):
            x = x.to(self._dtype(index))
            x = layer(x, latents[:, index + 1], implementation=self.implementation, track=self._track)
        return self.to_rgb(x, latents[:, -1], track=self._track).to(latents.dtype) * IMAGE_GAIN

    @contextlib.contextmanager
    def update_magnitudes(self) -> Iterator[None]:
        """Within the block, what is drawn updates the tracked magnitudes and average styles (the D-phase's fakes)."""
        self._track = True
        try:
            yield
        finally:
            self._track = False

    def _dtype(self, index: int) -> torch.dtype:
        highest = self.rates[index] * 2**self.half_rates > self.resolution
        return self.half if self.half is not None and highest else self.mapping.dtype

    def _centres(self, c: Tensor | None, classes: Tensor | None, w: Tensor) -> Tensor:
        """Return the average style that each image is pulled to, (B, w_dim)."""
        if self.w_classes or c is None or not self.c_dim:
            return self.w_avg[self._classes(c, classes, w)]
        with torch.no_grad():
            z = torch.randn(CENTRE_LATENTS, self.z_dim, generator=torch.Generator().manual_seed(0)).to(c.device)
            codes, own = c.unique(dim=0, return_inverse=True)
            return torch.stack([self.mapping(z, code.expand(len(z), -1)).mean(0) for code in codes])[own]

    def _classes(self, c: Tensor | None, classes: Tensor | None, w: Tensor) -> Tensor:
        """Return the row of the average style of each image, int64 (B,)."""
        count = len(self.w_avg)
        if count == 1:
            return torch.zeros(len(w), dtype=torch.long, device=w.device)
        if classes is not None:
            return classes.to(w.device)
        if c is None or self.c_dim != count:
            raise ThrongError(
                f"average styles are kept for {count} classes and codes have {self.c_dim} numbers: give each image's "
                "class, or encode labels one-hot or ordinal"
            )
        return ((c > 0.5) * torch.arange(count, device=c.device)).amax(1)

    @torch.no_grad()
    def _track_average(self, w: Tensor, classes: Tensor) -> None:
        members = F.one_hot(classes, len(self.w_avg)).to(w.dtype)
        sums = summed(torch.cat([members.T @ w, members.sum(0)[:, None]], dim=1))
        images = sums[:, -1:]
        self.w_avg.lerp_(sums[:, :-1] / images.clamp(min=1), (1 - W_DECAY) * (images > 0))


def translation(x: float, y: float) -> Tensor:
    """Return the transform (1, 3, 3) that moves a picture ``x`` widths to the right and ``y`` widths down."""
    return torch.tensor([[[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]]])


def rotation(degrees: float) -> Tensor:
    """Return the transform (1, 3, 3) that turns a picture counter-clockwise, as it is seen, about its centre."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]]])


def _check_code(c: Tensor | None, count: int, c_dim: int) -> None:
    shape = (count, c_dim)
    if c_dim and (c is None or tuple(c.shape) != shape):
        given = "none were given" if c is None else f"they are {tuple(c.shape)}"
        raise ThrongError(f"these networks heed codes of shape {shape}, and {given}: encode the labels first")
