"""Small diffusion pipelines of random weights, saved to disk and loaded by the same call as a user's model.

The classes are the real ones; only their sizes are small. CLIP's real tokenizer is used where ``THRONG_DATA`` has its
files, else one that is made from the 256 byte symbols.
"""

import json
import os
from pathlib import Path
from typing import Any

SIZE = 64  # what the small models call their native resolution, pixels
FACTOR = 8  # pixels per latent
WIDTH = 32  # of every text encoder
XL: dict[str, Any] = {
    "cross_attention_dim": 2 * WIDTH,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + WIDTH,
}


def build(folder: Path, kind: str = "inpaint", *, seed: int = 0) -> Path:
    """Save a pipeline of the given kind below ``folder`` and return its folder; the same seed, the same weights."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        pipeline = KINDS[kind](folder)
    saved = folder / kind
    pipeline.save_pretrained(saved)
    return saved


def with_safety_checker(folder: Path, saved: Path, *, flags: bool) -> Path:
    """Save the pipeline again with a real safety checker that flags every image, or none."""
    import torch
    from diffusers import DiffusionPipeline
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    small = {"hidden_size": WIDTH, "intermediate_size": 37, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config=small, vision_config=small | {"image_size": 32, "patch_size": 8}, projection_dim=WIDTH
    )
    checker = StableDiffusionSafetyChecker(config)
    torch.nn.init.constant_(checker.concept_embeds_weights, -2.0 if flags else 2.0)  # thresholds of a cosine
    torch.nn.init.constant_(checker.special_care_embeds_weights, 2.0)
    pipeline = DiffusionPipeline.from_pretrained(
        saved,
        safety_checker=checker,
        feature_extractor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        requires_safety_checker=True,
        local_files_only=True,
    )
    checked = folder / f"{saved.name}-{'flagging' if flags else 'passing'}"
    pipeline.save_pretrained(checked)
    return checked


def tokenizer_files(folder: Path) -> tuple[Path, Path]:
    """Return CLIP's vocab.json and merges.txt, or small ones of the same form."""
    if data := os.environ.get("THRONG_DATA"):
        real = Path(data) / "weights" / "clip_tokenizer"
        if (real / "vocab.json").is_file():
            return real / "vocab.json", real / "merges.txt"
    merges = ["t h", "th e</w>", "a n", "p l", "p e", "e m"]
    symbols = list(_bytes_to_unicode().values())
    words = [*symbols, *(f"{symbol}</w>" for symbol in symbols), *(merge.replace(" ", "") for merge in merges)]
    entries = {word: index for index, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    folder.mkdir(parents=True, exist_ok=True)
    vocab, merge_list = folder / "made_vocab.json", folder / "made_merges.txt"
    vocab.write_text(json.dumps(entries))
    merge_list.write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    return vocab, merge_list


def _bytes_to_unicode() -> dict[int, str]:
    """Return GPT-2's printable stand-in for every byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


SD3: dict[str, Any] = {
    "sample_size": SIZE // FACTOR,
    "patch_size": 2,
    "in_channels": 16,
    "attention_head_dim": 8,
    "num_attention_heads": 4,
    "joint_attention_dim": WIDTH,
    "caption_projection_dim": WIDTH,
    "pooled_projection_dim": 2 * WIDTH,
    "out_channels": 16,
    "pos_embed_max_size": 96,
}
FLUX: dict[str, Any] = {
    "patch_size": 1,
    "num_layers": 1,
    "num_single_layers": 1,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": WIDTH,
    "pooled_projection_dim": WIDTH,
    "axes_dims_rope": (4, 4, 8),
}


def clip_tokenizer(folder: Path) -> Any:
    """Return CLIP's tokenizer."""
    from transformers import CLIPTokenizer

    vocab, merges = tokenizer_files(folder)
    return CLIPTokenizer(str(vocab), str(merges), model_max_length=77)


def _clip_config(tokenizer: Any) -> Any:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=WIDTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _t5(folder: Path) -> tuple[Any, Any]:
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel, T5TokenizerFast

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -10.0), ("\u2581", -2.0)]
    pieces += [(chr(code), -3.0) for code in range(ord("a"), ord("z") + 1)]
    tokenizer: PreTrainedTokenizerFast = T5TokenizerFast(vocab=pieces, extra_ids=0)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=WIDTH, d_kv=8, d_ff=37, num_layers=1, num_heads=4, is_encoder_decoder=False
    )
    return tokenizer, T5EncoderModel(config)


def _vae(latents: int, **others: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(16, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=latents,
        norm_num_groups=8,
        sample_size=SIZE,
        **others,
    )


def _unet(channels: int, **others: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        sample_size=SIZE // FACTOR,
        in_channels=channels,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=4,
        norm_num_groups=8,
        **others,
    )


def _stable_diffusion(folder: Path, channels: int, *, inpainting: bool) -> Any:
    from diffusers import DDIMScheduler, StableDiffusionInpaintPipeline, StableDiffusionPipeline
    from transformers import CLIPTextModel

    tokenizer = clip_tokenizer(folder)
    return (StableDiffusionInpaintPipeline if inpainting else StableDiffusionPipeline)(
        vae=_vae(4),
        text_encoder=CLIPTextModel(_clip_config(tokenizer)),
        tokenizer=tokenizer,
        unet=_unet(channels, cross_attention_dim=WIDTH),
        scheduler=DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _stable_diffusion_xl(folder: Path, channels: int, *, inpainting: bool) -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLInpaintPipeline, StableDiffusionXLPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = clip_tokenizer(folder)
    config = _clip_config(tokenizer)
    unet = _unet(channels, **XL)
    return (StableDiffusionXLInpaintPipeline if inpainting else StableDiffusionXLPipeline)(
        vae=_vae(4),
        text_encoder=CLIPTextModel(config),
        text_encoder_2=CLIPTextModelWithProjection(config),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"),
    )


def _stable_diffusion_3(folder: Path) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import CLIPTextModelWithProjection

    tokenizer = clip_tokenizer(folder)
    config = _clip_config(tokenizer)
    transformer = SD3Transformer2DModel(num_layers=2, **SD3)
    t5_tokenizer, t5 = _t5(folder)
    return StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=_vae(16, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.06),
        text_encoder=CLIPTextModelWithProjection(config),
        tokenizer=tokenizer,
        text_encoder_2=CLIPTextModelWithProjection(config),
        tokenizer_2=tokenizer,
        text_encoder_3=t5,
        tokenizer_3=t5_tokenizer,
    )


def _flux(folder: Path, *, filling: bool, guided: bool) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxFillPipeline, FluxPipeline, FluxTransformer2DModel
    from transformers import CLIPTextModel

    tokenizer = clip_tokenizer(folder)
    t5_tokenizer, t5 = _t5(folder)
    transformer = FluxTransformer2DModel(
        # 2x2 latents of the noise, and where it fills those of the picture and the mask's pixels
        in_channels=4 * (16 + 16 + FACTOR**2) if filling else 64,
        out_channels=64,
        guidance_embeds=guided,
        **FLUX,
    )
    return (FluxFillPipeline if filling else FluxPipeline)(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=_vae(16, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.1),
        text_encoder=CLIPTextModel(_clip_config(tokenizer)),
        tokenizer=tokenizer,
        text_encoder_2=t5,
        tokenizer_2=t5_tokenizer,
        transformer=transformer,
    )


KINDS = {
    "inpaint": lambda folder: _stable_diffusion(folder, 9, inpainting=True),
    "text-to-image": lambda folder: _stable_diffusion(folder, 4, inpainting=False),
    "xl-inpaint": lambda folder: _stable_diffusion_xl(folder, 9, inpainting=True),
    "xl": lambda folder: _stable_diffusion_xl(folder, 4, inpainting=False),
    "sd3": _stable_diffusion_3,
    "flux": lambda folder: _flux(folder, filling=False, guided=True),
    "flux-schnell": lambda folder: _flux(folder, filling=False, guided=False),
    "flux-fill": lambda folder: _flux(folder, filling=True, guided=True),
}
DRAWING = ("text-to-image", "xl", "sd3", "flux", "flux-schnell")
FILLING = ("inpaint", "text-to-image", "xl-inpaint", "sd3", "flux-fill")


def build_controlnet(folder: Path, kind: str, *, seed: int = 0) -> Path:
    """Save a ControlNet for the pipelines of a kind and return its folder; unlike new ones, it changes something."""
    import torch
    from diffusers import ControlNetModel, FluxControlNetModel, SD3ControlNetModel

    shape: dict[str, Any] = {
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "conditioning_embedding_out_channels": (16, 32, 32, 32),
        "attention_head_dim": 4,
        "norm_num_groups": 8,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if kind == "sd3":
            network = SD3ControlNetModel(num_layers=1, **SD3)
        elif kind == "flux":
            network = FluxControlNetModel(in_channels=64, guidance_embeds=True, **FLUX)
        else:
            others = XL if kind == "xl" else {"cross_attention_dim": WIDTH}
            network = ControlNetModel(in_channels=4, **shape, **others)
        for weights in network.parameters():
            if not weights.any():
                torch.nn.init.normal_(weights, std=0.1)
    saved = folder / f"controlnet-{kind}"
    network.save_pretrained(saved)
    return saved


def build_lora(folder: Path, saved: Path, *, rank: int = 2, seed: int = 0) -> Path:
    """Save LoRA weights for the attention of a saved pipeline's denoiser and return their file."""
    import torch
    from diffusers import DiffusionPipeline
    from safetensors.torch import save_file

    pipeline = DiffusionPipeline.from_pretrained(saved, local_files_only=True)
    name = "unet" if hasattr(pipeline, "unet") else "transformer"
    drawn = torch.Generator().manual_seed(seed)
    weights = {}
    for path, layer in getattr(pipeline, name).named_modules():
        if path.endswith(("attn.to_q", "attn.to_v", "attn1.to_q", "attn2.to_v")):
            down, up = (rank, layer.in_features), (layer.out_features, rank)
            weights[f"{name}.{path}.lora_A.weight"] = torch.randn(down, generator=drawn)
            weights[f"{name}.{path}.lora_B.weight"] = torch.randn(up, generator=drawn)
    file = folder / f"{saved.name}-{seed}.safetensors"
    save_file(weights, file)
    return file
