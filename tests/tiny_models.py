"""Real models in miniature, random weights, saved as the local folders that the loaders take."""

import json
from pathlib import Path
from typing import Any

import torch

WORDS = ("a", "the", "dog", "cat", "man", "on", "in", "grass", "beach", "two", "red", "of", "by", "tree")


def save_blip(folder: Path) -> Path:
    """A BLIP captioner of a vocabulary of `WORDS`."""
    from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = BertTokenizer(str(folder / "vocab.txt"))
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = small | {
        "vocab_size": len(vocabulary), "encoder_hidden_size": 16, "max_position_embeddings": 64, "projection_dim": 8,
        "bos_token_id": 5, "pad_token_id": 0, "eos_token_id": 3, "sep_token_id": 3,
    }  # fmt: skip
    vision = small | {"image_size": 32, "patch_size": 8, "projection_dim": 8}
    torch.manual_seed(0)
    network = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision, projection_dim=8))
    network.save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    return folder


def save_stable_diffusion(folder: Path) -> Path:
    """A Stable Diffusion pipeline that spells its prompts letter by letter."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    torch.manual_seed(0)
    text = CLIPTextConfig(
        hidden_size=16, intermediate_size=16, num_attention_heads=2, num_hidden_layers=1, projection_dim=16,
        vocab_size=len(tokens), max_position_embeddings=16,
        bos_token_id=len(tokens) - 2, eos_token_id=len(tokens) - 1, pad_token_id=len(tokens) - 1,
    )  # fmt: skip
    pipeline: Any = StableDiffusionPipeline(
        vae=AutoencoderKL(
            block_out_channels=(8, 16),
            latent_channels=4,
            norm_num_groups=4,
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
        ),
        text_encoder=CLIPTextModel(text),
        tokenizer=CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16),
        unet=UNet2DConditionModel(
            block_out_channels=(8, 16),
            layers_per_block=1,
            sample_size=8,
            norm_num_groups=4,
            cross_attention_dim=16,
            attention_head_dim=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder / "pipeline")
    return folder / "pipeline"


def save_clip(folder: Path) -> Path:
    """An open_clip model in the form of a ``local-dir:`` folder."""
    import open_clip
    from safetensors.torch import save_file

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    shown = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": shown}))
    torch.manual_seed(0)
    state = open_clip.CLIP(**config).state_dict()
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, folder / "open_clip_model.safetensors")
    return folder


def save_tiny_classifier(folder: Path, class_names: tuple[str, ...]) -> Path:
    """An untrained classifier; class ids count from 1."""
    from empaste.artifacts.classifier import TrainedClassifier, save_classifier
    from empaste.networks.weights import build_resnet

    torch.manual_seed(0)
    network = build_resnet("resnet_slim", 8, None, len(class_names)).eval()
    classifier = TrainedClassifier(network, tuple(range(1, len(class_names) + 1)), 32)
    save_classifier(classifier, folder, architecture="resnet_slim", width=8, class_names=class_names)
    return folder
