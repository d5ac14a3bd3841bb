"""``paste``, ``train``, ``evaluate`` and ``report``."""

from empaste.costs.cost import BYTE, Cost, Passes, Task
from empaste.costs.flops import detector_parameters
from empaste.costs.scale import Scale
from empaste.costs.stages.classifier import FLOAT
from empaste.networks.names import SLIM_RESNETS
from empaste.params import Params


def paste(params: Params, scale: Scale) -> Cost:
    """A composite per original and repeat, one per background, and with ``keep_originals`` every original as it is.

    Composites on which nothing is left to see are left out. Without placement there are the originals alone.
    """
    own = params.paste
    times = own.duplicate_originals + own.keep_originals
    items = scale.originals if own.placement == "none" else scale.originals * times + scale.backgrounds
    pixels = items * scale.megapixels
    return Cost(
        images=items,
        tasks=(
            Task("read", scale.originals * scale.megapixels),
            Task("compose", pixels),
        ),
        written=(Task("jpeg", pixels),),
        at_most=True,
    )


def train(params: Params, scale: Scale) -> Cost:
    """So many steps of so many images; views are made as they are needed."""
    own = params.train
    images = own.iterations * own.batch_size
    half = own.precision != "float32"
    kind = f"detector.{_heads(params)}.training"
    return Cost(
        images=images,
        passes=(Passes(kind, own.architecture, own.image_size, images, own.width, half=half),),
        tasks=(Task("view", images * own.image_size**2 / 1e6),),
        steps=own.iterations,
        written=(Task(BYTE, FLOAT * detector_parameters(own, scale.data.classes)),),
    )


def evaluate(params: Params, scale: Scale) -> Cost:
    """Every validation image is looked at once; where the classifier has a say, it looks at every detection."""
    own, net, images = params.train, params.classifier, scale.data.val
    kind = f"detector.{_heads(params)}.forward"
    boxes = images * params.evaluate.max_detections
    opinion = Passes("classifier.forward", net.architecture, net.image_size, boxes, net.width, at_most=True)
    return Cost(
        images=images,
        passes=(
            Passes(kind, own.architecture, own.image_size, images, own.width),
            *((opinion,) if params.evaluate.classifier_weight else ()),
        ),
        tasks=(Task("read", images * scale.megapixels),),
        written=(Task("detection", images * params.evaluate.max_detections),),
    )


def report(params: Params, scale: Scale) -> Cost:
    """A page of a few images per sheet, whatever the size of the data set."""
    return Cost(images=params.report.num_images)


def _heads(params: Params) -> str:
    """The heads of the detector; those of the slim network are its own, whatever the parameter says."""
    return "slim" if params.train.architecture in SLIM_RESNETS else params.train.heads
