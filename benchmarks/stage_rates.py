r"""How long the work of every stage takes on one core of this machine: the rates that ``empaste plan`` reckons with.

    python -m benchmarks.stage_rates                           # print them
    python -m benchmarks.stage_rates --write                   # and put them in place of the shipped ones
    python -m benchmarks.stage_rates --images DIR              # sizes of files by photographs of your own

Times are CPU seconds of one thread, so that other work on the machine hardly matters. Networks carry random weights,
and are of the published architecture: nothing is downloaded. What takes a GPU is not measured here but stays as it is
in the file. The last line is one JSON object.
"""

import json
import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import typer
import yaml
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measuring import cpu_seconds
from benchmarks.stage_operations import file_sizes, measure_operations
from empaste.costs.flops import traits
from empaste.costs.rates import SHIPPED
from empaste.detectors.backend import Network
from empaste.detectors.backends import BACKENDS
from empaste.devices import limit_threads
from empaste.jittering import Sample
from empaste.networks.hed import HED
from empaste.networks.pyramids import build_backbone
from empaste.networks.weights import build_network
from empaste.refinement.segmenter import Segmenter

LITE0 = "timm:tf_efficientnet_lite0"
BLIP, DIFFUSION = "Salesforce/blip-image-captioning-base", "stable-diffusion-v1-5/stable-diffusion-v1-5"
CLIP = "hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
GPU_SIDE = 1024
"""Of the training that was measured on a GPU (docs/lab/detector_speed.md)."""
SMALLER_SIDES = (256, 384)
"""Where the operations of that detector are counted."""


class Case(NamedTuple):
    """What a network does for ``inputs`` inputs at once, as `costs.rates.NetworkRate` names it."""

    kind: str
    network: str
    side: int
    run: Callable[[], Any]
    inputs: int = 1
    width: int = 0
    trains: bool = False
    counted_only: bool = False
    """On torch's meta device: too large to be timed, so that its time is scaled by its operations."""


def main(
    images: Annotated[Path | None, typer.Option(help="a folder of photographs; default: drawings")] = None,
    write: Annotated[bool, typer.Option("--write", help="replace the shipped rates")] = False,
    only: Annotated[str, typer.Option(help="measure the cases alone whose names begin so; the others stay")] = "",
) -> None:
    """Measure, print, and write where asked."""
    limit_threads(1)
    content = yaml.safe_load(SHIPPED.read_text())
    core, gpu = content["core"], content["gpu"]
    measured = [measure(case()) for name, case in CASES if name.startswith(only)]
    core["networks"] = merged(core["networks"], measured)
    if not only:
        core |= {"hardware": hardware(), "operations": measure_operations(), "bytes": file_sizes(images)}
    if "detector v2".startswith(only):
        large = [large_detector(trains) for trains in (False, True)]
        core["networks"] = merged(core["networks"], large)
        gpu["flop_per_second"] = float(f"{large[1]['flop'] / gpu['networks'][0]['seconds']:.3g}")
    if write:
        SHIPPED.write_text(yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True))
    print(json.dumps({f"{one['kind']} {one['network']} {one['side']}": one["seconds"] for one in measured}))


def merged(rows: list[dict[str, Any]], newer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of both, the newer of two on the same."""
    by_case = {tuple(row[name] for name in ("kind", "network", "width", "side")): row for row in (*rows, *newer)}
    return list(by_case.values())


def hardware() -> str:
    """The processor's name, where the system tells it, and torch's version."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"one core of {names[0] if names else platform.processor()}, PyTorch {torch.__version__.partition('+')[0]}"


def measure(case: Case) -> dict[str, Any]:
    """The row of a case: CPU seconds per input, and the operations that it is compared by."""
    context = torch.enable_grad() if case.trains else torch.inference_mode()
    with context:
        counter = FlopCounterMode(display=False)
        with counter:
            case.run()
        seconds = None if case.counted_only else cpu_seconds(case.run, at_least=2.0) / case.inputs
    known = case.kind.startswith(("classifier", "segmenter", "detector"))
    own: int = counter.get_total_flops() // case.inputs
    flop = traits(case.network, case.width, case.side).flop if known else own
    row = {"kind": case.kind, "network": case.network, "width": case.width, "side": case.side}
    row |= {"seconds": seconds and float(f"{seconds:.3g}"), "flop": flop}
    print(*row.values(), flush=True)
    return row


def squares(count: int, side: int) -> torch.Tensor:
    """Inputs of a network."""
    return torch.randn(count, 3, side, side).to(memory_format=torch.channels_last)


def train(module: nn.Module, loss: Callable[[], torch.Tensor]) -> None:
    """One step of AdamW."""
    optimiser = torch.optim.AdamW([one for one in module.parameters() if one.requires_grad])
    optimiser.zero_grad()
    torch.autograd.backward(loss())
    optimiser.step()


def classifier(network: str, side: int, width: int = 0, *, trains: bool, batch: int = 8) -> Case:
    """A classifier that looks at images, or learns them."""
    module = build_network(network, width, None, 20, side).to(memory_format=torch.channels_last).train(trains)
    inputs = squares(batch, side)
    step = partial(train, module, lambda: module(inputs).square().mean())
    kind = f"classifier.{'training' if trains else 'forward'}"
    return Case(kind, network, side, step if trains else partial(module, inputs), batch, width, trains)


def segmenter(network: str, side: int, *, trains: bool, batch: int = 4) -> Case:
    """The segmentation network of the stage refine."""
    module = Segmenter(build_backbone(network, 0, None, True, ""), 20).train(trains)
    inputs = squares(batch, side)
    step = partial(train, module, lambda: module(inputs).square().mean())
    kind = f"segmenter.{'training' if trains else 'forward'}"
    return Case(kind, network, side, step if trains else partial(module, inputs), batch, 0, trains)


def detector(network: str, heads: str, side: int, width: int = 0, *, trains: bool, batch: int = 1) -> Case:
    """A Mask R-CNN in float32."""
    backend = BACKENDS["torchvision"]
    asked = Network(network, "standard" if heads == "slim" else heads, False, width or 32, side, not width, False)
    module = backend.build(asked, 20, None).to(memory_format=torch.channels_last).train(trains)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (side, side, 3), np.uint8) for _ in range(batch)]
    inputs = backend.to_inputs([Sample(image, boxes(side), np.arange(6) % 20) for image in images])
    find = partial(backend.find, module, images, 0.05, 100)
    step = partial(train, module, lambda: torch.stack(list(module(*inputs).values())).sum())
    kind = f"detector.{heads}.{'training' if trains else 'forward'}"
    return Case(kind, network, side, step if trains else find, batch, width, trains)


def boxes(side: int) -> np.ndarray:
    """The masks of six objects."""
    masks = np.zeros((6, side, side), np.uint8)
    for number in range(6):
        start = number * side // 8
        masks[number, start : start + side // 4, start : start + side // 4] = 1
    return masks


def large_detector(trains: bool) -> dict[str, Any]:
    """The row of a detector at `GPU_SIDE` pixels, its operations on the line through `SMALLER_SIDES`, by pixels."""
    counts = []
    for smaller in SMALLER_SIDES:
        counter = FlopCounterMode(display=False)
        with torch.set_grad_enabled(trains), counter:
            detector("resnet50", "v2", smaller, trains=trains).run()
        counts.append(counter.get_total_flops())
    (low, high), (few, many) = SMALLER_SIDES, counts
    flop = many + (many - few) * (GPU_SIDE**2 - high**2) / (high**2 - low**2)
    kind = f"detector.v2.{'training' if trains else 'forward'}"
    return {"kind": kind, "network": "resnet50", "width": 0, "side": GPU_SIDE, "seconds": None, "flop": round(flop)}


def blip_looks() -> Case:
    """BLIP's vision tower."""
    model = _blip()
    return Case("captions.blip.look", BLIP, 384, partial(model.vision_model, torch.randn(1, 3, 384, 384)))


def blip_writes() -> Case:
    """A word of BLIP's captions: the mean over twenty, of two captions at once."""
    model, seen = _blip(), torch.randn(2, 577, 768)

    def write() -> None:
        model.text_decoder.generate(
            input_ids=torch.full((2, 1), 30522), encoder_hidden_states=seen, max_new_tokens=20, min_new_tokens=20,
            do_sample=False,
        )  # fmt: skip

    return Case("captions.blip.word", BLIP, 384, write, 40)


def _blip() -> Any:
    from transformers import BlipConfig, BlipForConditionalGeneration

    return BlipForConditionalGeneration(BlipConfig(vision_config={"image_size": 384})).eval()


def denoiser() -> Case:
    """The denoiser of Stable Diffusion 1.5, one step of one image of 512 pixels."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        model: Any = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
        inputs = torch.randn(1, 4, 64, 64), torch.tensor(10), torch.randn(1, 77, 768)
    return Case("diffusion.denoise", DIFFUSION, 512, partial(model.eval(), *inputs), counted_only=True)


def image_decoder() -> Case:
    """What makes an image of 512 pixels of Stable Diffusion's latents."""
    from diffusers import AutoencoderKL

    blocks = (128, 256, 512, 512)
    with torch.device("meta"):
        model: Any = AutoencoderKL(
            block_out_channels=blocks, layers_per_block=2, latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        )  # fmt: skip
        latents = torch.randn(1, 4, 64, 64)
    return Case("diffusion.decode", DIFFUSION, 512, partial(model.eval().decode, latents), counted_only=True)


def clip_scores() -> Case:
    """CLIP ViT-B/32, an image and its prompt."""
    import open_clip

    model = open_clip.create_model("ViT-B-32", pretrained=None).eval()
    return Case("clip.forward", CLIP, 224, partial(model, squares(1, 224), torch.zeros(1, 77, dtype=torch.long)))


def contours() -> Case:
    """HED, which draws learned contours."""
    return Case("contours.forward", "hed", 256, partial(HED().eval(), squares(1, 256)))


CASES: tuple[tuple[str, Callable[[], Case]], ...] = (
    *(
        (f"classifier {network}", partial(classifier, network, side, width, trains=trains))
        for network, side, width in (("resnet50", 224, 0), ("resnet_slim_pooled", 112, 32), (LITE0, 192, 0))
        for trains in (False, True)
    ),
    *(("segmenter", partial(segmenter, LITE0, 256, trains=trains)) for trains in (False, True)),
    *(
        (f"detector {heads}", partial(detector, network, heads, side, width, trains=trains))
        for network, heads, side, width in (
            ("resnet_slim", "slim", 144, 32), (LITE0, "light", 256, 0), ("resnet50", "v2", 256, 0),
        )
        for trains in (False, True)
    ),
    ("contours", contours),
    ("captions look", blip_looks),
    ("captions word", blip_writes),
    ("clip", clip_scores),
    ("diffusion denoise", denoiser),
    ("diffusion decode", image_decoder),
)  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
