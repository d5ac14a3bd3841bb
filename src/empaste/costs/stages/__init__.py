"""The stages of ``dvc.yaml``, in its order: one function each, one line here.

A function takes all parameters and the `Scale` of the work, and follows what its stage does. Where the scale is that of
a run, counts are exact but for those that are marked: tests run the stages and count.
"""

from collections.abc import Callable

from empaste.costs.cost import Cost
from empaste.costs.scale import Scale
from empaste.costs.stages.classifier import cams, classifier
from empaste.costs.stages.contexts import backgrounds, captions
from empaste.costs.stages.detector import evaluate, paste, report, train
from empaste.costs.stages.foregrounds import foregrounds, refine
from empaste.costs.stages.images import prepare, proposals
from empaste.costs.stages.segments import evidence, features
from empaste.params import Params

STAGES: dict[str, Callable[[Params, Scale], Cost]] = {
    "prepare": prepare,
    "classifier": classifier,
    "proposals": proposals,
    "cams": cams,
    "evidence": evidence,
    "features": features,
    "foregrounds": foregrounds,
    "refine": refine,
    "captions": captions,
    "backgrounds": backgrounds,
    "paste": paste,
    "train": train,
    "evaluate": evaluate,
    "report": report,
}
