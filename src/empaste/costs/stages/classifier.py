"""``classifier`` and ``cams``."""

import math

from empaste.classification import localiser, probe
from empaste.classification.cam import scaled_side
from empaste.classification.train import NUM_VALIDATIONS
from empaste.classification.walked import CONTOUR_SIDE
from empaste.costs.cost import BYTE, Cost, Passes, Task, walk_task
from empaste.costs.flops import traits
from empaste.costs.scale import Scale
from empaste.params import Params

FLOAT, HALF = 4, 2
"""Bytes of a number."""


def classifier(params: Params, scale: Scale) -> Cost:
    """Every epoch's batches are full; the validation images are looked at now and then, and once at the end.

    A probe looks at the training images and their mirror images before, and at the validation images once.
    """
    own, data = params.classifier, scale.data
    steps = own.epochs * math.ceil(data.train / own.batch_size)
    probes = own.head == "probe"
    validations = math.ceil(own.epochs / max(1, math.ceil(own.epochs / NUM_VALIDATIONS))) + 1 + probes
    probed = 2 * min(data.train, probe.MAX_IMAGES) if probes else 0
    network = own.architecture, own.image_size
    images = data.train + data.val
    return Cost(
        images=images,
        passes=(
            Passes("classifier.training", *network, steps * own.batch_size, own.width),
            Passes("classifier.forward", *network, validations * data.val + probed, own.width),
        ),
        tasks=(Task("read", images * scale.megapixels),),
        steps=steps,
        written=(Task(BYTE, FLOAT * traits(own.architecture, own.width, own.image_size).parameters),),
    )


def cams(params: Params, scale: Scale) -> Cost:
    """Every training image is looked at once per scale and, with ``flip``, once more per scale; maps are of 16 bits.

    A localiser looks at those that it learns once per scale before. Maps that follow edges walk one by one.
    """
    own, net, images = params.cams, params.classifier, scale.data.train
    step = traits(net.architecture, net.width, net.image_size).step
    sides = [scaled_side(net.image_size, factor, step) for factor in own.scales]
    views = [side for side in sides for _ in range(1 + own.flip)]
    learned = min(images, localiser.MAX_IMAGES) if own.method == "lse" else 0
    looks = {side: images * views.count(side) + learned for side in dict.fromkeys(views)}
    cells = max(traits(net.architecture, net.width, side).cells for side in sides)
    passes = [Passes("classifier.forward", net.architecture, side, number, net.width) for side, number in looks.items()]
    tasks = [Task("read", (images + learned * len(looks)) * scale.megapixels)]
    if own.follow_edges:
        cells = own.walk.side**2
        tasks.append(walk_task(scale.data.pairs, own.walk.side))
        if own.contours:
            passes.append(Passes("contours.forward", "hed", CONTOUR_SIDE * own.walk.side, images))
    return Cost(
        images=images,
        passes=tuple(passes),
        tasks=tuple(tasks),
        written=(Task(BYTE, HALF * cells * scale.data.pairs),),
    )
