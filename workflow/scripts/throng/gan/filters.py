"""Low-pass filters of StyleGAN3: Kaiser-windowed sinc, and its radially symmetric form (Karras et al. 2021, App. C)."""

from __future__ import annotations

import math

import torch

from throng.errors import ThrongError


def lowpass(taps: int, cutoff: float, half_width: float, rate: float, radial: bool = False) -> torch.Tensor:
    """Return a low-pass FIR filter that sums to 1: (taps,) float32 or, when ``radial``, (taps, taps).

    ``cutoff`` is the frequency f_c, ``2 half_width`` the width of the transition band around it and ``rate`` the
    sampling rate, all in one unit. The ideal response is sinc, or J1(2 pi f_c r) / (pi r) when ``radial``; the Kaiser
    window has the attenuation that ``taps`` and the transition band allow. Raises ThrongError for no taps, or a cutoff
    outside (0, rate / 2]. From Karras et al. 2021, "Alias-Free Generative Adversarial Networks", App. C.1.
    """
    if taps < 1:
        raise ThrongError(f"a low-pass filter needs at least 1 tap, not {taps}")
    if not 0 < cutoff <= rate / 2:
        raise ThrongError(f"a low-pass filter's cutoff must lie above 0 and up to half the rate {rate}, not {cutoff}")
    if half_width <= 0:
        raise ThrongError(f"a low-pass filter's transition band must be wider than 0, not 2 x {half_width}")
    seconds = (torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2) / rate
    window = torch.kaiser_window(taps, periodic=False, beta=_beta(taps, 4 * half_width / rate), dtype=torch.float64)
    if radial:
        distance = torch.hypot(seconds[:, None], seconds[None, :])
        response = torch.special.bessel_j1(2 * math.pi * cutoff * distance) / (math.pi * distance)
        response = torch.where(distance == 0, cutoff, response) * torch.outer(window, window)
    else:
        response = torch.sinc(2 * cutoff * seconds) * window
    return (response / response.sum()).float()


def _beta(taps: int, width: float) -> float:
    """Return the Kaiser window's beta for a transition band of ``width`` Nyquist frequencies (Kaiser 1974)."""
    attenuation = 2.285 * (taps - 1) * math.pi * width + 7.95
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    return 0.0
