"""The networks, of diffusers' and transformers' own classes; equal seeds give equal weights."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from throng.sections.train_demo_diffusion import Autoencoder, Denoiser, Text

GROUPS, LOG_VARIANCE, COLOUR_GAIN = 8, -6.0, 6.0
LATENTS = 4  # what the inpainting pipeline takes: 9 channels are 4, a mask and 4
TRAIN_STEPS = 1000


def autoencoder(config: Autoencoder, side: int, seed: int) -> Any:
    """Return an AutoencoderKL for images of ``side`` pixels."""
    levels = len(config.channels)
    with _seeded(seed):
        network = _diffusers().AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=tuple(config.channels),
            layers_per_block=config.layers,
            latent_channels=LATENTS,
            norm_num_groups=GROUPS,
            sample_size=side,
            scaling_factor=1.0,
            mid_block_add_attention=False,
        )
    # latents that start noisy drown whatever is fainter than brightness before it is learnt
    torch.nn.init.constant_(network.quant_conv.bias[LATENTS:], LOG_VARIANCE)
    _balance_colours(network)
    _start_linear(network)
    return network


def _start_linear(network: Any) -> None:
    """Have every residual block start as the identity (Zhang et al. 2019, Fixup): what is linear is learnt first."""
    blocks = [block for name, block in network.named_modules() if name.rpartition(".")[0].endswith("resnets")]
    for block in blocks:
        torch.nn.init.zeros_(block.conv2.weight)
        torch.nn.init.zeros_(block.conv2.bias)


@torch.no_grad()
def _balance_colours(network: Any) -> None:
    """Have the first layer see grey, red-green and blue-yellow at like strength, and the last one draw in these terms.

    Streets are grey: in red, green and blue nearly all variance is brightness, and colour's gradient is lost in it.
    """
    terms = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [-1.0, -1.0, 2.0]])
    terms = terms / terms.norm(dim=1, keepdim=True)
    gains = torch.tensor([1.0, COLOUR_GAIN, COLOUR_GAIN]).unsqueeze(1)
    first, last = network.encoder.conv_in.weight, network.decoder.conv_out.weight
    first.copy_(torch.einsum("okhw,kc->ochw", first, terms * gains))
    last.copy_(torch.einsum("kc,kfhw->cfhw", terms / gains, last))


def text_encoder(config: Text, tokenizer: Any, seed: int) -> Any:
    """Return a CLIPTextModel for the tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel

    described = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.width,
        intermediate_size=4 * config.width,
        projection_dim=config.width,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        max_position_embeddings=config.tokens,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with _seeded(seed):
        return CLIPTextModel(described)


def denoiser(config: Denoiser, text: Text, side: int, seed: int, *, inpainting: bool) -> Any:
    """Return a UNet2DConditionModel for latents of ``side`` cells; inpainting also takes a mask and masked latents."""
    down = tuple("CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in config.attention)
    up = tuple("CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(config.attention))
    with _seeded(seed):
        return _diffusers().UNet2DConditionModel(
            sample_size=side,
            in_channels=2 * LATENTS + 1 if inpainting else LATENTS,
            out_channels=LATENTS,
            down_block_types=down,
            up_block_types=up,
            block_out_channels=tuple(config.channels),
            layers_per_block=config.layers,
            norm_num_groups=GROUPS,
            cross_attention_dim=text.width,
            attention_head_dim=config.heads,
        )


def scheduler() -> Any:
    """Return the sampler: v-prediction on a cosine schedule, whose last step is noise alone (Nichol, Dhariwal 2021)."""
    return _diffusers().DDIMScheduler(
        num_train_timesteps=TRAIN_STEPS,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
    )


class Prompted(nn.Module):
    """A denoiser and the text encoder that reads its prompts, trained together."""

    def __init__(self, denoises: Any, reads: Any) -> None:
        super().__init__()
        self.denoiser, self.text_encoder = denoises, reads

    def forward(self, noisy: torch.Tensor, steps: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return the (B, C, h, w) prediction from (B, K, h, w) inputs, (B,) time steps and (B, L) token ids."""
        return self.denoiser(noisy, steps, self.text_encoder(tokens)[0]).sample


def _diffusers() -> Any:
    """Return the library; untyped, because it types tuples of one where it takes any."""
    import diffusers

    return diffusers


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw weights from a seed and leave torch's own generator as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
