"""GauConv2d: a convolution whose filters are sums of Gaussians at learnt places, in three interchangeable forms.

Filter (f, c) is the sum over units k of ``weight[f, c, k]`` times a normalised Gaussian of width sigma at (mu1, mu2)
pixels right of and below the position (displaced aggregation units: Tabernik, Kristan, Leonardis, IJCV 2020). GauNet
(Cheng et al., CVPR 2022) adds a low-rank basis and weights that differ by position.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from throng.counting.layers import shifting, taps
from throng.counting.layers.lowrank import LowRank, PositionWeights, ZeroMeanBasis
from throng.counting.layers.shifting import Displacement
from throng.errors import ThrongError

Mode = Literal["dense", "shift", "lowrank"]
Means = Literal["shared", "separate"]
Interpolation = Literal["exact", "bilinear", "dau"]
Backend = Literal["eager", "triton"]
LAGRANGE_TAPS = 8
SMALLEST_SIGMA = 0.1


class GauConv2d(nn.Module):
    """A 'same' convolution (B, C, H, W) to (B, F, ceil(H / stride), ceil(W / stride)) by K Gaussian units, any H and W.

    Parameters: ``weight`` (F, C, K); ``mu1`` (along x) and ``mu2`` (along y), (K,) where ``means`` is "shared", else
    (F, C, K), pixels, kept within ``max_kernel_size // 2 - border_bound``; ``sigma``, pixels, a scalar (``lowrank``:
    one per component of a Gaussian basis, or the range of a PCA basis); ``bias`` (F,).

    ``dense`` builds the kernels and convolves: the reference. ``shift`` displaces the input once per unit and mixes:
    "exact" samples each unit's Gaussian at its own fraction of a pixel and equals ``dense``; "bilinear" blurs once and
    interpolates linearly, as DAU-ConvNet does; "dau" is the same with its gradient of the means, by the derivative of
    the Gaussian. ``lowrank`` blurs by a few zero-mean kernels, combines them per unit, translates the results (8-point
    Lagrange interpolation) and sums them with softmax weights by position, as ``low_rank`` says.

    ``sigma_trainable`` lets sigma learn, down to 0.1; ``mean_learning_rate_factor`` multiplies the gradient of the
    means (500 in DAU-ConvNet). ``backend`` "triton" runs ``shift`` in one fused kernel and raises where it cannot; it
    is never chosen by itself. Raises ThrongError for options that do not go together.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        units: int | tuple[int, int] = 4,
        max_kernel_size: int = 9,
        mode: Mode = "shift",
        bias: bool = True,
        *,
        stride: int = 1,
        means: Means = "shared",
        interpolation: Interpolation = "exact",
        sigma: float | tuple[float, float] | None = None,
        sigma_trainable: bool = False,
        mean_learning_rate_factor: float = 1.0,
        border_bound: float = 0.01,
        low_rank: LowRank | None = None,
        backend: Backend = "eager",
    ) -> None:
        super().__init__()
        if min(in_channels, out_channels, stride) < 1:
            raise ThrongError("channels and stride must be at least 1")
        if max_kernel_size < 3 or max_kernel_size % 2 == 0:
            raise ThrongError(f"max_kernel_size must be odd and at least 3, not {max_kernel_size}")
        _check(mode, means, interpolation, backend, low_rank)
        self.in_channels, self.out_channels, self.stride = in_channels, out_channels, stride
        self.grid_shape = taps.grid_shape(units)
        self.units = self.grid_shape[0] * self.grid_shape[1]
        self.max_kernel_size, self.mode, self.means, self.interpolation = max_kernel_size, mode, means, interpolation
        self.mean_bound = max_kernel_size // 2 - border_bound
        self.mean_learning_rate_factor = mean_learning_rate_factor
        self.backend = backend
        shape = (out_channels, in_channels, self.units)
        self.weight = nn.Parameter(torch.empty(shape))
        self.mu1, self.mu2 = (nn.Parameter(torch.empty(shape if means == "separate" else shape[2:])) for _ in "xy")
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        if mode == "lowrank":
            self._init_low_rank(low_rank or LowRank(), sigma, sigma_trainable)
        elif isinstance(sigma, tuple):
            raise ThrongError("sigma is one number in this mode; a range (low, high) is for mode 'lowrank'")
        else:
            self.sigma = _sigma(torch.tensor(0.5 if sigma is None else sigma), sigma_trainable)
        self.reset_parameters()
        # A compiler that meets the layer before it ever ran must find how far sigma reaches.
        self._reaches()
        self.register_load_state_dict_post_hook(_measure)

    def _init_low_rank(self, options: LowRank, sigma: float | tuple[float, float] | None, trainable: bool) -> None:
        if isinstance(sigma, float | int):
            raise ThrongError("mode 'lowrank' needs a range of sigma (low, high), not one number")
        # Below 1.5 pixels an interpolated translation is no longer a Gaussian's (relative error above 0.3 %).
        low, high = (1.5, max(3.0, self.max_kernel_size / 3)) if sigma is None else sigma
        if not 0 < low < high:
            raise ThrongError(f"the range of sigma must be 0 < low < high, not {low}, {high}")
        if options.basis == "pca" and trainable:
            raise ThrongError("a PCA basis is fixed: its sigma cannot train; use LowRank(basis='gaussian')")
        self.basis = ZeroMeanBasis(options, low, high)
        self.positions = PositionWeights(options, self.in_channels, self.units)
        sigmas = ZeroMeanBasis.sigmas(options, low, high)
        self.sigma = _sigma(torch.tensor([low, high]) if options.basis == "pca" else sigmas, trainable)
        # Unit k starts as the Gaussian of the (k mod r)-th sigma.
        start = self.basis.coefficients(options, low, high)
        self.combination = nn.Parameter(start[torch.arange(self.units) % options.rank])

    def reset_parameters(self, weight_std: float | None = None) -> None:
        """Put the means on their grid and draw the weights from N(0, ``weight_std``), by fan-in (He et al.) if None."""
        gain = self.units if self.mode == "lowrank" else 1 / self.units
        std = math.sqrt(2 * gain / self.in_channels) if weight_std is None else weight_std
        grids = taps.grid_means(self.grid_shape, self.max_kernel_size)
        with torch.no_grad():
            for parameter, grid in zip((self.mu1, self.mu2), grids, strict=True):
                parameter.copy_(grid.expand_as(parameter))
            self.weight.normal_(std=std)
            if self.bias is not None:
                self.bias.zero_()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the (B, F, ceil(H / stride), ceil(W / stride)) response."""
        if features.is_meta:
            rows, columns = (-(-side // self.stride) for side in features.shape[-2:])
            return features.new_empty(len(features), self.out_channels, rows, columns)
        if self.training:
            with torch.no_grad():
                self.mu1.clamp_(-self.mean_bound, self.mean_bound)
                self.mu2.clamp_(-self.mean_bound, self.mean_bound)
                # Autograd keeps sigma, which forbids to touch it between two calls unless it must be.
                if self.sigma.requires_grad and float(self.sigma.min()) < SMALLEST_SIGMA:
                    self.sigma.clamp_(min=SMALLEST_SIGMA)
        if self.mode == "lowrank":
            response = self._low_rank(features)
        elif self.backend == "triton":
            response = self._fused(features)
        elif self.builds_kernels:
            response = self._dense(features)
        elif self.interpolation == "exact":
            response = shifting.displaced_mix(features, self.weight, self.displacement())
        else:
            response = self._bilinear(features)
        if self.stride > 1:
            response = response[..., :: self.stride, :: self.stride]
        return response if self.bias is None else response + self.bias.to(response.dtype)[:, None, None]

    def use_backend(self, backend: Backend) -> None:
        """Choose "eager" or "triton" from here on; raises ThrongError where the layer's form has no kernel."""
        _check(self.mode, self.means, self.interpolation, backend, None)
        self.backend = backend

    def bounded_means(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the means along x and y as they are used: clipped, float32 or wider."""
        x, y = (
            taps.BoundedMean.apply(_wide(mean), self.mean_bound, self.mean_learning_rate_factor)
            for mean in (self.mu1, self.mu2)
        )
        return x, y

    def position_weights(self, features: torch.Tensor) -> torch.Tensor:
        """Return the units' softmax weights at every position of (B, C, H, W), (B, K, H, W); mode lowrank only."""
        if self.mode != "lowrank":
            raise ThrongError(f"mode {self.mode!r} has no position weights; use mode 'lowrank'")
        return self.positions(features)

    def multiply_accumulates(self, height: int, width: int) -> int:
        """Return the multiply-accumulates of one (height, width) input by the eager backend, strided or not."""
        narrow, pairs = min(self.in_channels, self.out_channels), self.in_channels * self.out_channels
        reach, blur_radius = self._reaches()
        mixing = self.units * pairs
        if self.mode == "lowrank":
            across, _ = self.basis.terms(self.sigma, reach)
            blurs = (across.numel() * 2 + self.units * self.basis.rank) * self.in_channels
            shifts = self.units * (2 * LAGRANGE_TAPS * narrow + self.out_channels)
            each = blurs + shifts + mixing + self.positions.multiply_accumulates_per_site()
        elif self.builds_kernels:
            each = pairs * (2 * (self.max_kernel_size // 2 + reach) + 1) ** 2
        elif self.interpolation == "exact":
            each = self.units * 2 * (2 * reach + 1) * narrow + mixing
        else:
            each = 2 * (2 * blur_radius + 1) * self.in_channels
            each += pairs * self.max_kernel_size**2 if self.means == "separate" else self.units * 4 * narrow + mixing
        return height * width * each

    def extra_repr(self) -> str:
        """Return what printing this layer shows."""
        return (
            f"{self.in_channels}, {self.out_channels}, units={self.units}, max_kernel_size={self.max_kernel_size}, "
            f"mode={self.mode}, means={self.means}, interpolation={self.interpolation}, stride={self.stride}, "
            f"bias={self.bias is not None}, backend={self.backend}"
        )

    @property
    def builds_kernels(self) -> bool:
        """Whether one kernel is built; where every pair of channels has its own means, a shift would save nothing."""
        return self.mode == "dense" or (self.means == "separate" and self.interpolation == "exact")

    def _reaches(self) -> tuple[int, int]:
        """Return how far displaced and centred Gaussians are sampled; a compiler reads sigma only if it can learn."""
        if self.sigma.requires_grad or not torch.compiler.is_compiling():
            sigma = float(self.sigma.detach().max())
            self._sampled = taps.reach(sigma), math.ceil(5 * sigma)
        return self._sampled

    def kernel(self) -> torch.Tensor:
        """Return the (F, C, T, T) kernel of a layer that ``builds_kernels``, T odd."""
        radius = self.max_kernel_size // 2 + self._reaches()[0]
        positions = torch.arange(-radius, radius + 1, device=self.weight.device)
        across, down = (taps.gaussian_taps(mean, _wide(self.sigma), positions) for mean in self.bounded_means())
        return shifting.dense_kernel(_wide(self.weight), across, down)

    def displacement(self) -> Displacement:
        """Return the units' displacement, shared means alone: Gaussians, or taps that interpolate blurred maps."""
        if self.mode == "lowrank":
            return self._placed(*self._interpolating(LAGRANGE_TAPS))
        if self.interpolation == "exact":
            return self._placed(*self._exact())
        return self._placed(*self._interpolating(2))

    def blurring(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the taps along x and y, (n, T), of what is done to maps before interpolation displaces them."""
        if self.mode == "lowrank":
            return self.basis.terms(_wide(self.sigma), self._reaches()[0])
        sigma, radius = _wide(self.sigma), self._reaches()[1]
        positions = torch.arange(-radius, radius + 1, device=sigma.device)
        gaussian = taps.gaussian_taps(torch.zeros_like(sigma), sigma, positions)[None]
        return gaussian, gaussian

    def interpolating_kernel(self) -> torch.Tensor:
        """Return the (F, C, T, T) kernel that reads blurred maps at separate means by linear interpolation."""
        radius = self.max_kernel_size // 2
        positions = torch.arange(-radius, radius + 1, device=self.weight.device)
        across, down = (taps.linear_taps(mean, positions) for mean in self.bounded_means())
        return shifting.dense_kernel(_wide(self.weight), across, down)

    def _dense(self, features: torch.Tensor) -> torch.Tensor:
        kernel = self.kernel()
        return functional.conv2d(features, kernel.to(features.dtype), padding=kernel.shape[-1] // 2)

    def _exact(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]:
        """Return the taps along x and y (K, T), the whole pixels (2, K) of the means and the taps before each."""
        means, reach = torch.stack(self.bounded_means()), self._reaches()[0]
        whole = means.detach().round()
        positions = torch.arange(-reach, reach + 1, device=means.device)
        across, down = taps.gaussian_taps(means - whole, _wide(self.sigma), positions)
        return across, down, whole, reach

    def _interpolating(self, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]:
        """Return what :meth:`_exact` does, for polynomial interpolation by ``count`` taps instead of Gaussians."""
        means = torch.stack(self.bounded_means())
        whole = means.detach().floor()
        across, down = taps.lagrange_taps(means - whole, count)
        return across, down, whole, count // 2 - 1

    def _placed(self, across: torch.Tensor, down: torch.Tensor, whole: torch.Tensor, before: int) -> Displacement:
        """Return the units' displacement; a compiler gets one window for all, so that no value decides a shape."""
        if not torch.compiler.is_compiling():
            return Displacement(across, down, [(int(x), int(y)) for x, y in whole.T.tolist()], before)
        furthest = self.max_kernel_size // 2
        across, down = (
            shifting.spread(part, offsets, furthest) for part, offsets in zip((across, down), whole, strict=True)
        )
        return Displacement(across, down, [(0, 0)] * self.units, before + furthest)

    def _bilinear(self, features: torch.Tensor) -> torch.Tensor:
        sigma, radius = _wide(self.sigma), self._reaches()[1]
        positions = torch.arange(-radius, radius + 1, device=features.device)
        gaussian = taps.gaussian_taps(torch.zeros_like(sigma), sigma, positions)
        blurred = shifting.blur(features, gaussian, gaussian)
        means = self.bounded_means()
        if self.interpolation == "bilinear":
            return self._interpolated(blurred, self.weight, means)
        held = means[0].detach(), means[1].detach()
        response = self._interpolated(blurred, self.weight, held)
        slope = taps.gaussian_slopes(sigma, positions)
        # The terms are zero: they only give the means the gradient of the Gaussian instead of the interpolation's.
        for mean, axis in zip(means, ((slope, gaussian), (gaussian, slope)), strict=True):
            slopes = shifting.blur(features, *axis).detach()
            response = response + self._interpolated(slopes, self.weight * (mean - mean.detach()), held)
        return response

    def _interpolated(
        self, maps: torch.Tensor, weight: torch.Tensor, means: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """Return the units' mix of maps (zero outside the image) read at the means by linear interpolation."""
        whole = torch.stack(means).detach().floor()
        fractions = torch.stack(means) - whole
        if self.means == "shared":
            across, down = taps.lagrange_taps(fractions, 2)
            return shifting.displaced_mix(maps, weight, self._placed(across, down, whole, 0))
        radius = self.max_kernel_size // 2
        positions = torch.arange(-radius, radius + 1, device=maps.device)
        across, down = (taps.linear_taps(mean, positions) for mean in means)
        kernel = shifting.dense_kernel(_wide(weight), across, down)
        return functional.conv2d(maps, kernel.to(maps.dtype), padding=radius)

    def _low_rank(self, features: torch.Tensor) -> torch.Tensor:
        displacement = self._placed(*self._interpolating(LAGRANGE_TAPS))
        # The blurred maps reach beyond the image, so that a translation fetches what really is there.
        margin = displacement.margin
        blurred = self.basis.blur(features, _wide(self.sigma), self._reaches()[0], margin)
        shares = self.positions(features)
        combination = self.combination.to(blurred[0].dtype)
        parts = []
        for unit in range(self.units):
            zero_mean = shifting.weighted(blurred, combination[unit])
            part = shifting.displaced_part(zero_mean, self.weight, displacement, unit, margin)
            parts.append(part * shares[:, unit, None])
        return shifting.total(parts, features)

    def _fused(self, features: torch.Tensor) -> torch.Tensor:
        try:
            from throng.counting.layers.fused import fused_displaced_mix
        except ImportError as error:
            raise ThrongError(f"backend 'triton' needs the package triton: {error}; use backend 'eager'") from error
        across, down, whole, _ = self._exact()
        return fused_displaced_mix(features, self.weight, across, down, whole)


class DAUConv2d(GauConv2d):
    """The displaced aggregation unit layer as published: own means per channel pair and unit, DAU-ConvNet's gradients.

    Weights N(0, 0.1), sigma 0.5 and fixed, means learnt 500 times as fast (Tabernik, Kristan, Leonardis, IJCV 2020).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        units: int | tuple[int, int] = (2, 2),
        max_kernel_size: int = 9,
        bias: bool = True,
        *,
        stride: int = 1,
        sigma: float = 0.5,
        mean_learning_rate_factor: float = 500.0,
        border_bound: float = 0.01,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            units,
            max_kernel_size,
            "shift",
            bias,
            stride=stride,
            means="separate",
            interpolation="dau",
            sigma=sigma,
            mean_learning_rate_factor=mean_learning_rate_factor,
            border_bound=border_bound,
        )
        self.reset_parameters(weight_std=0.1)


def _check(mode: str, means: str, interpolation: str, backend: str, low_rank: LowRank | None) -> None:
    for name, value, choices in (
        ("mode", mode, ("dense", "shift", "lowrank")),
        ("means", means, ("shared", "separate")),
        ("interpolation", interpolation, ("exact", "bilinear", "dau")),
        ("backend", backend, ("eager", "triton")),
    ):
        if value not in choices:
            raise ThrongError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    if interpolation != "exact" and mode != "shift":
        raise ThrongError(f"interpolation {interpolation!r} is for mode 'shift'; mode {mode!r} has its own")
    if mode == "lowrank" and means == "separate":
        raise ThrongError("mode 'lowrank' needs shared means: its units are translations of whole feature maps")
    if low_rank is not None and mode != "lowrank":
        raise ThrongError(f"low_rank options are for mode 'lowrank', not {mode!r}")
    if backend == "triton" and (mode, means, interpolation) != ("shift", "shared", "exact"):
        raise ThrongError("backend 'triton' runs mode 'shift' with shared means and exact interpolation only")


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """Return float32 or wider: a mean in half precision would jump by tenths of a pixel."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _measure(layer: GauConv2d, _: object) -> None:
    layer._reaches()


def _sigma(values: torch.Tensor, trainable: bool) -> nn.Parameter:
    if float(values.min()) <= 0:
        raise ThrongError(f"sigma must be above 0 pixels, not {float(values.min())}")
    return nn.Parameter(values.float(), requires_grad=trainable)
