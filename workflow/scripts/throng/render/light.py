"""Light, weather and the sensor of one scene."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Light:
    """Light of a scene; directions in camera axes (right, up, towards the camera), colours 0-255.

    ``shadow_x`` and ``shadow_z`` are how far the shadow of a point one metre high falls, metres along X and Z.
    """

    ambient: float
    sun: float
    towards_sun: tuple[float, float, float]
    shadow_x: float
    shadow_z: float
    shadow_strength: float
    haze_colour: tuple[float, float, float]
    haze_m: float
    tint: tuple[float, float, float]
    contrast: float
    vignette: float
    noise: float
    blur_px: float


def draw_light(rng: np.random.Generator) -> Light:
    """Draw sunny, hazy or overcast light."""
    weather = rng.choice(["sunny", "low sun", "hazy", "overcast"], p=[0.4, 0.15, 0.15, 0.3])
    elevation = np.radians(rng.uniform(16, 28) if weather == "low sun" else rng.uniform(32, 65))
    azimuth = np.radians(rng.uniform(-150, 150))
    horizontal = np.cos(elevation)
    towards = (horizontal * np.sin(azimuth), np.sin(elevation), horizontal * np.cos(azimuth))
    cot = 1 / np.tan(elevation)
    strength = {"sunny": 1.0, "low sun": 0.9, "hazy": 0.5, "overcast": 0.12}[str(weather)]
    warm = 1.0 if weather == "low sun" else 0.25
    haze = {"sunny": 260, "low sun": 170, "hazy": 75, "overcast": 180}[str(weather)]
    return Light(
        ambient=rng.uniform(0.48, 0.6) + 0.3 * (1 - strength),
        sun=0.62 * strength,
        towards_sun=(float(towards[0]), float(towards[1]), float(towards[2])),
        shadow_x=float(-cot * np.sin(azimuth)),
        shadow_z=float(cot * np.cos(azimuth)),
        shadow_strength=0.58 * strength,
        haze_colour=(206 + 16 * warm, 212 + 2 * warm, 222 - 24 * warm),
        haze_m=haze * rng.uniform(0.75, 1.4),
        tint=(1 + 0.06 * warm, 1.0 + rng.uniform(-0.015, 0.015), 1 - 0.07 * warm + rng.uniform(-0.02, 0.02)),
        contrast=rng.uniform(0.95, 1.16),
        vignette=rng.uniform(0.05, 0.22),
        noise=rng.uniform(1.2, 4.0),
        blur_px=rng.uniform(0.35, 0.7),
    )
