"""Pipelines of every preset with a few random weights, saved as the real ones are: `python tiny_pipelines.py FOLDER`.

The limits on sides and frames are those of the real weights; only the insides are small.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["MAKERS", "make_all", "models_file"]

# As small as the sides' multiples allow, for a CPU.
SIZES: Final = {
    "wan2-2-ti2v-5b": {"720p": [96, 64], "480p": [64, 32]},
    "wan2-2-i2v-a14b": {"720p": [64, 48], "480p": [48, 32]},
    "ltx-video": {"720p": [96, 64], "480p": [64, 32]},
    "ltx-2": {"720p": [96, 64], "480p": [64, 64]},
    "cogvideox-5b-i2v": {"480p": [64, 32]},
    "cogvideox1-5-5b-i2v": {"720p": [64, 32]},
    "svd-xt": {"576p": [64, 32]},
}
TEXT: Final = 32


def models_file(folder: Path, *presets: str, **more: str) -> str:
    """A models file in which each preset serves the card `tiny/PRESET`, on the CPU, in two steps."""
    lines: list[str] = []
    for preset in presets or SIZES:
        sizes = ", ".join(f'"{name}" = {size}' for name, size in SIZES[preset].items())
        settings = {
            "preset": f'"{preset}"',
            "weights": f'"{folder / preset}"',
            "device": '"cpu"',
            "precision": '"float32"',
            "memory": '"full"',
            "steps": "2",
            "resolutions": f"{{ {sizes} }}",
            **more,
        }
        lines += [f'["tiny/{preset}"]', *(f"{name} = {value}" for name, value in settings.items())]
    return "\n".join(lines)


def make_all(folder: Path) -> None:
    torch = importlib.import_module("torch")
    for preset, make in MAKERS.items():
        torch.manual_seed(0)
        make().save_pretrained(str(folder / preset), safe_serialization=True)


def library(name: str) -> Any:
    return importlib.import_module(name)


def tokenizer() -> Any:
    """Byte-level, without merges: nothing has to be fetched."""
    tokenizers, transformers = library("tokenizers"), library("transformers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<pad>", "</s>", "<unk>", *alphabet])}
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def t5(kind: str) -> Any:
    transformers = library("transformers")
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=300, d_model=TEXT, d_kv=8, d_ff=37, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu"
    )
    return getattr(transformers, f"{kind}EncoderModel")(config).eval()


def wan_transformer(**channels: int) -> Any:
    return library("diffusers").WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        text_dim=TEXT,
        freq_dim=256,
        ffn_dim=32,
        num_layers=2,
        rope_max_seq_len=64,
        **channels,
    )


def wan(**parts: Any) -> Mapping[str, Any]:
    scheduler = library("diffusers").FlowMatchEulerDiscreteScheduler(shift=5.0)
    return {"tokenizer": tokenizer(), "text_encoder": t5("UMT5"), "scheduler": scheduler, **parts}


def wan2_2_ti2v_5b() -> Any:
    diffusers = library("diffusers")
    vae = diffusers.AutoencoderKLWan(
        base_dim=4,
        z_dim=48,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 48,
        latents_std=[1.0] * 48,
        is_residual=True,
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_spatial=16,
        scale_factor_temporal=4,
    )
    transformer = wan_transformer(in_channels=48, out_channels=48)
    # As it is published: under the name of the pipeline for text.
    return diffusers.WanPipeline(**wan(vae=vae, transformer=transformer, transformer_2=None, expand_timesteps=True))


def wan2_2_i2v_a14b() -> Any:
    diffusers = library("diffusers")
    vae = diffusers.AutoencoderKLWan(
        base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    experts = {name: wan_transformer(in_channels=36, out_channels=16) for name in ("transformer", "transformer_2")}
    return diffusers.WanImageToVideoPipeline(
        **wan(vae=vae, image_encoder=None, image_processor=None, boundary_ratio=0.9, **experts)
    )


def ltx_video() -> Any:
    diffusers = library("diffusers")
    small = (8, 8, 8, 8)
    vae = diffusers.AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=small,
        decoder_block_out_channels=small,
        layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 5,
    )
    transformer = diffusers.LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=4,
        attention_head_dim=8,
        cross_attention_dim=TEXT,
        num_layers=1,
        caption_channels=TEXT,
    )
    return diffusers.LTXPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        text_encoder=t5("T5"),
        tokenizer=tokenizer(),
        transformer=transformer,
    )


def gemma() -> Any:
    transformers = library("transformers")
    text = transformers.Gemma3TextConfig(
        vocab_size=300,
        hidden_size=TEXT,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
    )
    vision = transformers.SiglipVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    config = transformers.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4)
    return transformers.Gemma3ForConditionalGeneration(config).eval()


def ltx_2() -> Any:
    diffusers, ltx2 = library("diffusers"), library("diffusers.pipelines.ltx2")
    vae = diffusers.AutoencoderKLLTX2Video(
        latent_channels=4,
        block_out_channels=(8, 16, 32, 64),
        decoder_block_out_channels=(8, 16, 32),
        layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 4,
        spatial_compression_ratio=32,
        temporal_compression_ratio=8,
    )
    audio = diffusers.AutoencoderKLLTX2Audio(
        base_channels=4, ch_mult=(1,), num_res_blocks=1, resolution=32, latent_channels=2, mel_bins=8
    )
    transformer = diffusers.LTX2VideoTransformer3DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        cross_attention_dim=16,
        audio_in_channels=4,
        audio_out_channels=4,
        audio_num_attention_heads=2,
        audio_attention_head_dim=4,
        audio_cross_attention_dim=8,
        num_layers=2,
        caption_channels=TEXT,
        rope_double_precision=False,
        rope_type="split",
    )
    connector = {"num_attention_heads": 4, "attention_head_dim": 8, "num_layers": 1, "num_learnable_registers": None}
    connectors = ltx2.LTX2TextConnectors(
        caption_channels=TEXT,
        text_proj_in_factor=3,
        **{f"{side}_connector_{name}": value for side in ("video", "audio") for name, value in connector.items()},
        connector_rope_base_seq_len=32,
        rope_double_precision=False,
        rope_type="split",
    )
    vocoder = ltx2.LTX2Vocoder(
        in_channels=16,
        hidden_channels=32,
        upsample_kernel_sizes=[4, 4],
        upsample_factors=[2, 2],
        resnet_kernel_sizes=[3],
        resnet_dilations=[[1, 3, 5]],
        output_sampling_rate=16000,
    )
    return diffusers.LTX2ImageToVideoPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        audio_vae=audio,
        text_encoder=gemma(),
        tokenizer=tokenizer(),
        connectors=connectors,
        transformer=transformer,
        vocoder=vocoder,
    )


def cogvideox(*, sample_frames: int, **transformer: Any) -> Any:
    diffusers = library("diffusers")
    vae = diffusers.AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2
    )
    model = diffusers.CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=8,
        out_channels=4,
        time_embed_dim=2,
        text_embed_dim=TEXT,
        num_layers=1,
        sample_width=8,
        sample_height=4,
        sample_frames=sample_frames,
        use_rotary_positional_embeddings=True,
        **transformer,
    )
    return diffusers.CogVideoXImageToVideoPipeline(
        tokenizer=tokenizer(),
        text_encoder=t5("T5"),
        vae=vae,
        transformer=model,
        scheduler=diffusers.CogVideoXDDIMScheduler(),
    )


def cogvideox_5b_i2v() -> Any:
    return cogvideox(sample_frames=49, use_learned_positional_embeddings=True)


def cogvideox1_5_5b_i2v() -> Any:
    return cogvideox(sample_frames=81, patch_size_t=2, ofs_embed_dim=2, patch_bias=False)


def svd_xt() -> Any:
    diffusers, transformers = library("diffusers"), library("transformers")
    unet = diffusers.UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        cross_attention_dim=TEXT,
        num_attention_heads=8,
        projection_class_embeddings_input_dim=96,
        addition_time_embed_dim=32,
    )
    vae = diffusers.AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 4
    )
    vision = transformers.CLIPVisionConfig(
        hidden_size=TEXT,
        projection_dim=TEXT,
        num_hidden_layers=1,
        num_attention_heads=4,
        image_size=224,
        intermediate_size=37,
        patch_size=32,
    )
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        interpolation_type="linear",
        prediction_type="v_prediction",
        use_karras_sigmas=True,
        timestep_spacing="leading",
        timestep_type="continuous",
        sigma_min=0.002,
        sigma_max=700.0,
    )
    return diffusers.StableVideoDiffusionPipeline(
        vae=vae,
        image_encoder=transformers.CLIPVisionModelWithProjection(vision).eval(),
        unet=unet,
        scheduler=scheduler,
        feature_extractor=transformers.CLIPImageProcessor(),
    )


MAKERS: Final[Mapping[str, Callable[[], Any]]] = {
    "wan2-2-ti2v-5b": wan2_2_ti2v_5b,
    "wan2-2-i2v-a14b": wan2_2_i2v_a14b,
    "ltx-video": ltx_video,
    "ltx-2": ltx_2,
    "cogvideox-5b-i2v": cogvideox_5b_i2v,
    "cogvideox1-5-5b-i2v": cogvideox1_5_5b_i2v,
    "svd-xt": svd_xt,
}


if __name__ == "__main__":
    make_all(Path(sys.argv[1]))
