"""Captioning networks of transformers, by hub name or from a local folder."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from empaste.captions.captioner import Caption, Captioner, CaptionerSettings
from empaste.errors import InputError, first_line, require_extra
from empaste.networks.hub import refuse_pickles

EXAMPLES = {
    "blip": "Salesforce/blip-image-captioning-base",
    "git": "microsoft/git-base-coco",
    "image_text_to_text": "HuggingFaceTB/SmolVLM-256M-Instruct",
}
"""Method → a small model of that kind."""


def model_captioner(name: str, caption: Caption, model_types: Sequence[str] = ()) -> Captioner:
    """A captioner that runs ``captions.model``, which is of one of ``model_types``; empty: of any kind."""
    asks = {"model": "needs one; give a hub name or a local folder"}
    return Captioner(name, caption, partial(load_captioner, model_types=tuple(model_types)), asks)


def load_captioner(settings: CaptionerSettings, model_types: Sequence[str]) -> tuple[Any, Any]:
    """The network ``captions.model``, in evaluation mode, and its processor; ``model_types`` empty: of any kind.

    `InputError` where transformers is not installed, the model is neither there nor to be had, is of another kind,
    comes with code, or its weights are not whole or no safetensors.
    """
    from empaste.devices import torch_device

    try:
        from safetensors import SafetensorError
        from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor
    except ImportError as error:
        raise require_extra("transformers", "generative") from error
    method, model, place = settings.method, settings.model, torch_device(settings.device)
    refuse_pickles(str(model), "captions.model")
    networks: Any = AutoModelForImageTextToText
    try:
        config = AutoConfig.from_pretrained(str(model), trust_remote_code=False)
        _check_kind(method, model, config.model_type, model_types)
        processor = AutoProcessor.from_pretrained(str(model), trust_remote_code=False)
        network, loaded = networks.from_pretrained(
            str(model),
            dtype=_torch_dtype(settings.dtype, place.type),
            output_loading_info=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except InputError:
        raise
    except (OSError, EOFError, ValueError, TypeError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise _not_loaded(method, model, error) from error
    if missing := sorted(loaded["missing_keys"]):
        raise InputError(
            f"captions.model is {model!r}, whose weights lack {missing[0]} and {len(missing) - 1} more, so it would "
            "write nonsense; download it again, whole"
        )
    if not network.config.is_encoder_decoder and hasattr(processor, "tokenizer"):
        processor.tokenizer.padding_side = "left"  # so that every row's caption begins where its prompt ends
    return network.to(place).eval(), processor


def _check_kind(method: str, model: str | None, kind: str, wanted: Sequence[str]) -> None:
    """`InputError` where a model of ``kind`` is none for ``method``."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KINDS

    if wanted and kind not in wanted:
        fitting = kind if kind in ("blip", "git") else "image_text_to_text" if kind in KINDS else None
        remedy = f"set captions.method to {fitting}" if fitting else f"it is no captioner; try {EXAMPLES[method]}"
        raise InputError(f"captions.model is {model!r}, a {kind} model, but captions.method is {method}; {remedy}")
    if kind not in KINDS:
        raise InputError(
            f"captions.model is {model!r}, a {kind} model, which writes no text about images; try {EXAMPLES[method]}"
        )


def _torch_dtype(name: str, device_type: str) -> Any:
    """The numbers to compute with; ``auto`` is bfloat16 on a CUDA GPU and float32 elsewhere."""
    import torch

    return getattr(torch, name if name != "auto" else "bfloat16" if device_type == "cuda" else "float32")


def _not_loaded(method: str, model: str | None, error: Exception) -> InputError:
    reason = first_line(error)
    if Path(str(model)).is_dir():
        return InputError(
            f"captions.model is the folder {str(model)!r}, which holds no whole model for captions.method {method} "
            f"({reason}); it must hold config.json, the processor's and tokenizer's files and the weights, as this "
            f"makes: hf download {EXAMPLES[method]} --local-dir FOLDER"
        )
    return InputError(
        f"captions.model is {model!r}, which is no folder here and cannot be had from the hub ({reason}); on a machine "
        f"with a network run: hf download {model if _is_hub_name(model) else EXAMPLES[method]} --local-dir FOLDER, "
        "copy FOLDER here and set captions.model to it"
    )


def _is_hub_name(model: str | None) -> bool:
    return bool(model) and len(Path(str(model)).parts) == 2 and not str(model).startswith((".", "/", "~"))
