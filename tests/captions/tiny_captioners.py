"""Captioning models in miniature, random weights, saved as the local folders that the loaders take."""

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from tests.tiny_models import WORDS

SMALL: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}

CHAT = (
    "{% for message in messages %}{{ message['role'] }}:{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %} {{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %} assistant:{% endif %}"
)


def save_git(folder: Path) -> Path:
    """GIT: a decoder over image tokens and text."""
    from transformers import BertTokenizer, CLIPImageProcessor, GitConfig, GitForCausalLM, GitProcessor

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = BertTokenizer(str(folder / "vocab.txt"), model_input_names=["input_ids", "attention_mask"])
    vision = SMALL | {"image_size": 32, "patch_size": 16}
    torch.manual_seed(0)
    config = GitConfig(
        vision_config=vision, vocab_size=len(vocabulary), max_position_embeddings=128, bos_token_id=2, eos_token_id=3,
        pad_token_id=0, **SMALL,
    )  # fmt: skip
    GitForCausalLM(config).save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    GitProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def save_blip2(folder: Path) -> Path:
    """BLIP-2 on a tiny OPT: no chat template, a prompt is optional."""
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor, BlipImageProcessor

    tokenizer = word_tokenizer("<image>")
    text = SMALL | {
        "model_type": "opt", "vocab_size": len(tokenizer), "ffn_dim": 16, "word_embed_proj_dim": 16,
        "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    config = Blip2Config(
        vision_config=SMALL | {"image_size": 32, "patch_size": 16},
        qformer_config=SMALL | {"encoder_hidden_size": 16, "vocab_size": 8},
        text_config=text, num_query_tokens=4, image_token_index=tokenizer.get_vocab()["<image>"],
    )  # fmt: skip
    torch.manual_seed(0)
    Blip2ForConditionalGeneration(config).save_pretrained(folder)
    images = BlipImageProcessor(size={"height": 32, "width": 32})
    Blip2Processor(images, tokenizer, num_query_tokens=4).save_pretrained(folder)
    return folder


def save_llava(folder: Path) -> Path:
    """LLaVA on a tiny Llama: asked through a chat template."""
    from transformers import CLIPImageProcessor, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    tokenizer = word_tokenizer("<image>")
    vision = SMALL | {"model_type": "clip_vision_model", "image_size": 32, "patch_size": 16, "projection_dim": 16}
    text = SMALL | {
        "model_type": "llama", "vocab_size": len(tokenizer), "num_key_value_heads": 2, "max_position_embeddings": 128,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=tokenizer.get_vocab()["<image>"],
        vision_feature_layer=-1, image_seq_length=4,
    )  # fmt: skip
    torch.manual_seed(0)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}), tokenizer,
        patch_size=16, vision_feature_select_strategy="default", chat_template=CHAT, num_additional_image_tokens=1,
    )  # fmt: skip
    processor.save_pretrained(folder)
    return folder


def save_blip2_t5(folder: Path) -> Path:
    """BLIP-2 on a tiny T5: the text is written by a decoder of its own."""
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor, BlipImageProcessor

    tokenizer = word_tokenizer("<image>")
    text = {
        "model_type": "t5", "vocab_size": len(tokenizer), "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1,
        "num_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 0,
    }  # fmt: skip
    config = Blip2Config(
        vision_config=SMALL | {"image_size": 32, "patch_size": 16},
        qformer_config=SMALL | {"encoder_hidden_size": 16, "vocab_size": 8},
        text_config=text, num_query_tokens=4, image_token_index=tokenizer.get_vocab()["<image>"],
    )  # fmt: skip
    torch.manual_seed(0)
    Blip2ForConditionalGeneration(config).save_pretrained(folder)
    images = BlipImageProcessor(size={"height": 32, "width": 32})
    Blip2Processor(images, tokenizer, num_query_tokens=4).save_pretrained(folder)
    return folder


def save_qwen2_vl(folder: Path) -> Path:
    """Qwen2-VL: images of any size, so rows of a batch differ in length."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLProcessor
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

    special = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    tokenizer = word_tokenizer(*special)
    start, end, image, video = (tokenizer.get_vocab()[token] for token in special)
    text = SMALL | {
        "vocab_size": len(tokenizer), "num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0},
    }  # fmt: skip
    vision = {
        "depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 2, "patch_size": 14,
        "spatial_merge_size": 2,
    }  # fmt: skip
    config = Qwen2VLConfig(
        text_config=text, vision_config=vision, image_token_id=image, video_token_id=video,
        vision_start_token_id=start, vision_end_token_id=end,
    )  # fmt: skip
    torch.manual_seed(0)
    Qwen2VLForConditionalGeneration(config).save_pretrained(folder)
    Qwen2VLProcessor(
        Qwen2VLImageProcessor(min_pixels=784, max_pixels=784 * 16), tokenizer, video_processor=Qwen2VLVideoProcessor(),
        chat_template=CHAT.replace("<image>", "<|vision_start|><|image_pad|><|vision_end|>"),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def word_tokenizer(*special: str) -> PreTrainedTokenizerFast:
    """A tokenizer of whole words; ids 0 to 3 pad, begin, end and stand for unknown ones."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {word: number for number, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        additional_special_tokens=list(special),
    )  # fmt: skip
