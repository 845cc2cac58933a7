"""Section ``train_demo_diffusion``: small diffusion pipelines for the demo, learnt from rendered scenes."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from throng.sections.base import Section, runtime, setting

MOST_PEOPLE = 20
Widths = Annotated[list[Annotated[int, Field(ge=8, multiple_of=8)]], Field(min_length=2, max_length=6)]


class Optimisation(Section):
    """How one network is trained."""

    steps: int = setting(1700, "optimiser steps", ge=1)
    batch: int = setting(8, "examples per step", ge=1)
    learning_rate: float = setting(0.0008, "peak learning rate; a cosine takes it to zero", gt=0)
    warmup_steps: int = setting(100, "steps of linear warm-up", ge=0)
    weight_decay: float = setting(0.0001, "weight decay", ge=0)
    ema_decay: float = setting(
        0.998, "decay of the weights' moving average, which is what is kept; 0 is off", ge=0, lt=1
    )


class Autoencoder(Optimisation):
    """From pixels to latents and back."""

    channels: Widths = setting([16, 32, 64], "widths of the levels; every level after the first halves the side")
    layers: int = setting(1, "residual blocks per level", ge=1)
    kl_weight: float = setting(0.0003, "weight of the latents' divergence from a normal distribution", ge=0)
    colour_weight: float = setting(
        8.0, "weight of the difference in colour alone, which is small and would be lost to brightness", ge=0
    )
    gradient_weight: float = setting(1.0, "weight of the difference between neighbours: keeps edges sharp", ge=0)
    holes: float = setting(
        0.25, "share of the patches with a grey hole, as inpainting shows them to the encoder", ge=0, le=1
    )
    batch: int = setting(4, "patches per step", ge=1)
    learning_rate: float = setting(0.002, "peak learning rate; a cosine takes it to zero", gt=0)
    ema_decay: float = setting(
        0.99, "decay of the weights' moving average, which is what is kept; 0 is off", ge=0, lt=1
    )


class Denoiser(Optimisation):
    """A network that takes the noise from latents, and the text encoder that is trained with it."""

    channels: Widths = setting([48, 96, 144], "widths of the levels; every level after the first halves the side")
    attention: list[bool] = setting([False, True, True], "which levels attend to the prompt and to themselves")
    layers: int = setting(1, "residual blocks per level", ge=1)
    heads: int = setting(4, "attention heads", ge=1)
    unconditional: float = setting(0.1, "share of the examples without a caption, for guidance", ge=0, lt=1)
    snr_limit: float = setting(5.0, "signal-to-noise ratio from which steps weigh no more (Min-SNR)", gt=0)

    @model_validator(mode="after")
    def _attends(self) -> Self:
        if len(self.attention) != len(self.channels):
            raise ValueError(f"attention has {len(self.attention)} levels, channels has {len(self.channels)}")
        if not any(self.attention):
            raise ValueError("attention is off at every level: the network would never see its prompt")
        return self


class Inpainter(Denoiser):
    """The denoiser that fills holes."""

    channels: Widths = setting([32, 64, 96], "widths of the levels; every level after the first halves the side")
    batch: int = setting(3, "examples per step", ge=1)
    outside: float = setting(0.1, "weight of what is not masked in the loss", ge=0, le=1)


class Text(Section):
    """The text encoder and its tokenizer."""

    width: int = setting(128, "width of the text encoder", ge=8)
    layers: int = setting(2, "layers of the text encoder", ge=1)
    heads: int = setting(4, "attention heads of the text encoder", ge=1)
    tokens: int = setting(48, "longest prompt, tokens", ge=8, le=77)
    words: list[str] = setting([], "further words that are to be single tokens")


class Scenes(Section):
    """What is rendered to learn from; never the scenes of section render, whatever the seed."""

    frames: int = setting(1600, "rendered frames", ge=2)
    frames_per_scene: int = setting(2, "frames that share a camera and a background", ge=1)
    width: int = setting(512, "frame width, pixels", ge=64)
    height: int = setting(384, "frame height, pixels", ge=64)
    min_people: int = setting(1, "fewest people in a frame", ge=1)
    max_people: int = setting(60, "most people in a frame", ge=1)
    windows: int = setting(8, "windows per frame, for text to image", ge=1)
    edits: int = setting(3, "edits per frame, for inpainting", ge=1)
    window: int = setting(64, "side of the images that text makes, pixels", ge=16)
    edit_window: int = setting(128, "side of the crops that inpainting learns from, pixels", ge=16)
    people_px: tuple[float, float] = setting((16.0, 30.0), "least and greatest height of somebody in a window, pixels")
    most: int = setting(8, "most people asked of a window", ge=0, le=MOST_PEOPLE)

    @model_validator(mode="after")
    def _orders(self) -> Self:
        if self.min_people > self.max_people:
            raise ValueError(f"min_people {self.min_people} is above max_people {self.max_people}")
        if not 0 < self.people_px[0] <= self.people_px[1]:
            raise ValueError(f"people_px must be positive and rise: {self.people_px}")
        if max(self.window, self.edit_window) > min(self.width, self.height):
            raise ValueError("window and edit_window must fit into a frame")
        return self


class TrainDemoDiffusion(Section):
    """Trains a small text-to-image pipeline and its inpainting variant on rendered scenes, with diffusers' classes."""

    scenes: Scenes = setting(Scenes(), "what is rendered to learn from")
    text: Text = setting(Text(), "tokenizer and text encoder")
    autoencoder: Autoencoder = setting(Autoencoder(), "from pixels to latents and back")
    inpainting: Inpainter = setting(Inpainter(), "the denoiser that fills holes")
    text_to_image: Denoiser = setting(Denoiser(), "the denoiser that draws what a prompt says")
    log_every: int = setting(50, "steps between rows of the history", ge=1)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...")
    checkpoint_seconds: float = runtime(60.0, "seconds between checkpoints, from which a killed run goes on", gt=0)

    @model_validator(mode="after")
    def _divides(self) -> Self:
        factor = 2 ** (len(self.autoencoder.channels) - 1)
        for name, side, denoiser in (
            ("window", self.scenes.window, self.text_to_image),
            ("edit_window", self.scenes.edit_window, self.inpainting),
        ):
            multiple = factor * 2 ** (len(denoiser.channels) - 1)
            if side % multiple:
                raise ValueError(f"scenes.{name} is {side}, the networks need a multiple of {multiple}")
        return self
