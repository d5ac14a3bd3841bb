"""Model folders of transformers and diffusers, here or on the hub: their weights are read from safetensors alone."""

from pathlib import Path

from empaste.errors import InputError

PICKLES = ("pytorch_model*.bin", "diffusion_pytorch_model*.bin")
"""What both libraries called the files of weights that are pickles."""


def refuse_pickles(model: str, key: str) -> None:
    """`InputError`, which names the parameter ``key``, where ``model`` is a folder that has pickles for weights.

    Of what a folder, or one of the parts below it, holds in both forms, the safetensors are read.
    """
    folder = Path(model)
    for pattern in PICKLES:
        for found in sorted([*folder.glob(pattern), *folder.glob(f"*/{pattern}")]):
            if not any(found.parent.glob("*.safetensors")):
                raise InputError(
                    f"{key} is {model!r}, whose weights {found.relative_to(folder)} are a pickle, a form that can "
                    "hold code; take a revision of the model with .safetensors, or convert the file as "
                    "docs/networks.md says under 'Weights that are pickles'"
                )
