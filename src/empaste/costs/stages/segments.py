"""``evidence`` and ``features``: the classifier, and other networks, look at segments."""

from dataclasses import replace

from empaste.costs.cost import BYTE, Cost, Passes, Task
from empaste.costs.flops import traits
from empaste.costs.scale import Scale
from empaste.costs.stages.classifier import FLOAT
from empaste.evidence.settings import EvidenceSettings
from empaste.features.encoders import CLASSIFIER, TORCHVISION_SIDE, layers_by_network
from empaste.networks.names import TIMM
from empaste.params import Params


def evidence(params: Params, scale: Scale) -> Cost:
    """Of every image the square as it is and what fills it, and each judged segment alone and taken out, per fill.

    With ``num_reranked`` each judged segment taken out, the rest of the best alone.
    Of an image of ``k`` labels at most ``k × num_judged`` segments are judged: classes may have the best in common. The
    bound is that of the mean image, and the mean over images of different ``k`` is no larger (the bound is concave).
    """
    own, net, images = params.evidence, params.classifier, scale.data.train
    per_image = scale.segments / images
    judged = min(per_image, own.num_judged * scale.data.pairs / images) if own.num_judged else per_image
    count = round(images * _passes(own, judged, scale.data.pairs / images))
    return Cost(
        images=images,
        segments=scale.segments,
        passes=(Passes("classifier.forward", net.architecture, net.image_size, count, net.width, at_most=True),),
        tasks=(
            Task("read", images * scale.megapixels),
            Task("place", scale.segments),
            Task("mix", count * net.image_size**2 / 1e6),
        ),
        written=(Task("evidence", scale.data.pairs * per_image),),
        at_most=True,
    )


def _passes(own: EvidenceSettings, judged: float, labels: float) -> float:
    """Of an image of which so many segments are judged; bounded as these are."""
    if not own.num_reranked:
        return len(own.fills) * (2 + 2 * judged)
    best = min(judged, own.num_reranked * labels)
    return (1 + judged) + (1 + best) + (len(own.fills) - 1) * (1 + 2 * best)


def features(params: Params, scale: Scale) -> Cost:
    """Every segment is shown once per view and network."""
    own, images = params.features, scale.data.train
    layers = layers_by_network(own.backbones)
    networks = [_classifier(params), *(_encoder(name) for name in layers if name != CLASSIFIER)]
    views = len(own.views)
    passes = [replace(one, count=scale.segments * views) for one in networks]
    shown = scale.segments * views * len({one.side for one in networks})
    net = params.classifier
    length = traits(net.architecture, net.width, net.image_size).phi * views * len(own.backbones)
    return Cost(
        images=images,
        segments=scale.segments,
        passes=tuple(passes),
        tasks=(Task("read", images * scale.megapixels), Task("show", shown)),
        written=(Task(BYTE, FLOAT * scale.segments * (scale.data.classes + length)),),
        at_most=True,
    )


def _classifier(params: Params) -> Passes:
    own = params.classifier
    return Passes("classifier.forward", own.architecture, own.image_size, 0, own.width, at_most=True)


def _encoder(name: str) -> Passes:
    """A further network, at the side that it was made for; of CLIP's and of local folders that of most of them."""
    source, _, model = name.partition(":")
    architecture = model.partition("@")[0]
    if source == "torchvision":
        return Passes("classifier.forward", architecture, TORCHVISION_SIDE, 0, at_most=True)
    if source == "timm" and not model.startswith("local-dir:"):
        return Passes("classifier.forward", TIMM + architecture, _timm_side(architecture), 0, at_most=True)
    return Passes(f"features.{source}", model, TORCHVISION_SIDE, 0, at_most=True)


def _timm_side(name: str) -> int:
    import timm

    shown = timm.get_pretrained_cfg(name, allow_unregistered=True)
    return int(shown.input_size[-1]) if shown else TORCHVISION_SIDE
