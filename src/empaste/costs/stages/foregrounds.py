"""``foregrounds`` and ``refine``."""

from empaste.costs.cost import Cost, Passes, Task, walk_task
from empaste.costs.flops import traits
from empaste.costs.scale import Scale
from empaste.params import Params

MEASURED_LENGTH = 2048
"""The length of ``phi`` that the rates of F-EM hold for."""


def foregrounds(params: Params, scale: Scale) -> Cost:
    """F-EM: per iteration statistics of every class, twice, and the distance of every segment to the image's classes.

    A distance takes the square of the length of ``phi``, statistics the cube. With folds there are statistics per fold.
    """
    own, net, data = params.foregrounds, params.classifier, scale.data
    length = traits(net.architecture, net.width, net.image_size).phi / MEASURED_LENGTH
    candidates = data.pairs * scale.segments / data.train
    fits = 2 * data.classes * (1 + (own.folds if own.folds > 1 else 0))
    return Cost(
        images=data.train,
        segments=scale.segments,
        tasks=(
            Task("em.distance", candidates * max(1, own.iterations) * length**2),
            Task("em.fit", fits * (own.iterations + 1) * length**3),
        ),
        at_most=True,
    )


def refine(params: Params, scale: Scale) -> Cost:
    """Per round and fold one training; then every image is looked at, mirrored too where asked, and its maps walk.

    An image whose labels its network did not learn, from other folds, is not looked at. Without rounds nothing is done.
    """
    own, data = params.refine, scale.data
    folds = min(own.folds, data.train)
    steps = own.rounds * folds * own.iterations
    looked_at = own.rounds * data.train * (1 + own.flip)
    passes = (
        Passes("segmenter.training", own.architecture, own.image_size, steps * own.batch_size, own.width),
        Passes("segmenter.forward", own.architecture, own.looking_side, looked_at, own.width, at_most=True),
        Passes("contours.forward", "hed", own.image_size, own.rounds * data.train if own.contours else 0, at_most=True),
    )
    return Cost(
        images=data.train if own.rounds else 0,
        passes=tuple(one for one in passes if one.count),
        tasks=(
            Task("read", own.rounds * data.train * scale.megapixels),
            walk_task(own.rounds * data.pairs, own.walk.side),
        ),
        steps=steps,
        at_most=own.rounds > 0,
    )
