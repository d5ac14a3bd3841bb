"""Pretrained segmentation networks of transformers, with every weight from the file: nothing is left at random."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.errors import InputError, first_line, install_command, require_extra
from empaste.networks.hub import refuse_pickles
from empaste.proposals.method import Context, Method, Segments
from empaste.settings import Count, Device, FileName, Settings

MIN_SIDE = 8
"""Pixels of the shorter side under which an image, as it is or at 512 pixels' length, shows a network nothing."""


class Segmenter(Settings):
    """A pretrained network: hub name or local folder, and how it runs."""

    model: FileName
    max_side: Count
    num_threads: Count
    device: Device


Pretrained = TypeVar("Pretrained", bound=Segmenter)


def pretrained_method(
    name: str,
    propose: Callable[[UInt8[np.ndarray, "h w 3"], Pretrained, Context], Segments],
    section: type[Pretrained],
    network_class: str,
    processor_class: str,
    kinds: tuple[str, ...],
    learned_from: str,
) -> Method[Pretrained]:
    """The record of a method whose network and processor `load_pretrained` loads; ``name`` is its section, too."""
    load = partial(load_pretrained, network_class, processor_class, kinds, f"proposals.{name}.model")
    return Method(
        name,
        propose,
        section,
        learned_from,
        runs="in one process",
        load=load,
        asks=("model",),
        needs=("transformers",),
        install=install_command("segmenters"),
    )


def load_pretrained(
    network_class: str, processor_class: str, kinds: tuple[str, ...], key: str, settings: Segmenter
) -> tuple[Any, Any]:
    """The network of ``settings`` on its device, in evaluation mode, and its image processor.

    Both classes are named as transformers names them; ``kinds`` are the ``model_type`` that the network's configuration
    may state. `InputError`, which names the parameter ``key``, where transformers is not installed, the model is not
    to be had, or its weights are no safetensors, or not exactly those of the network.
    """
    try:
        import transformers
    except ImportError as error:
        raise require_extra("transformers", "segmenters") from error
    from safetensors import SafetensorError

    from empaste.devices import limit_threads, torch_device

    model, target = str(settings.model), torch_device(settings.device)
    limit_threads(settings.num_threads)
    refuse_pickles(model, key)
    try:
        kind = transformers.PreTrainedConfig.get_config_dict(model)[0].get("model_type")
        if kind not in kinds:
            raise InputError(f"{key} is {model!r}, a model of type {kind}; this method takes {' or '.join(kinds)}")
        processor = getattr(transformers, processor_class).from_pretrained(model, trust_remote_code=False)
        # Of what does not fit, transformers would draw the weights at random: it is refused below, with the names.
        network, loaded = getattr(transformers, network_class).from_pretrained(
            model,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except InputError:
        raise
    except (OSError, ValueError, TypeError, RuntimeError, KeyError, SafetensorError) as error:
        raise InputError(
            f"{key} is {model!r}, which is no folder of such a model and cannot be had from the hub "
            f"({first_line(error)}); on a machine with a network run: hf download NAME --local-dir FOLDER, "
            f"then set {key} to FOLDER"
        ) from error
    # What belongs to the training loss alone is not used here.
    used = [name for name in sorted(loaded["missing_keys"]) if not name.startswith("criterion.")]
    misfits = [f"{name} is missing" for name in used]
    misfits += [f"{name} is {tuple(was)}, expected {tuple(wanted)}" for name, was, wanted in loaded["mismatched_keys"]]
    if misfits:
        raise InputError(
            f"{key} is {model!r}, whose weights do not fit its configuration ({len(misfits)} misfits): "
            f"{'; '.join(misfits[:4])}. Weights and config.json must be of one model and class count: get both again"
        )
    return network.to(target).eval(), processor


def shows_nothing(image: UInt8[np.ndarray, "h w 3"]) -> bool:
    """Whether ``image`` is too small, or too thin, for a network to see a segment in it."""
    short, long = sorted(image.shape[:2])
    return bool(short < MIN_SIDE or short * 512 < long * MIN_SIDE)


def no_segments(image: UInt8[np.ndarray, "h w 3"]) -> tuple[Bool[np.ndarray, "0 h w"], Float[np.ndarray, " 0"]]:
    """Masks and scores of nothing."""
    return np.zeros((0, *image.shape[:2]), bool), np.zeros(0)
