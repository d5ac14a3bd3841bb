"""The whole of ``params.yaml``: every package's settings, by the section of the stage that they are of.

For what looks at the whole file: the check before a stage runs, ``empaste doctor``, presets and the report. A stage
reads its own section alone (`empaste.settings.load_settings`), so that it does not depend on another's settings.
"""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError, model_validator

from empaste.backgrounds.settings import BackgroundsSettings
from empaste.captions.settings import CaptionsSettings
from empaste.classification.cam_settings import CamSettings
from empaste.classification.settings import ClassifierSettings
from empaste.datasets.settings import PrepareSettings
from empaste.detectors.settings import TrainSettings
from empaste.evaluation.settings import EvaluateSettings
from empaste.evidence.settings import EvidenceSettings
from empaste.features.settings import FeaturesSettings
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.networks.names import CLASSIFIER, share_weights
from empaste.paste.settings import PasteSettings
from empaste.proposals.settings import ProposalsSettings
from empaste.refinement.settings import RefineSettings
from empaste.report.settings import ReportSettings
from empaste.settings import Settings, read_sections, validate


class Params(Settings):
    """All of ``params.yaml``."""

    prepare: PrepareSettings
    classifier: ClassifierSettings
    proposals: ProposalsSettings
    cams: CamSettings
    evidence: EvidenceSettings
    features: FeaturesSettings
    foregrounds: ForegroundsSettings
    refine: RefineSettings
    captions: CaptionsSettings
    backgrounds: BackgroundsSettings
    paste: PasteSettings
    train: TrainSettings
    evaluate: EvaluateSettings
    report: ReportSettings

    @model_validator(mode="after")
    def _detector_can_begin_as_classifier(self) -> "Params":
        ours, theirs = self.train, self.classifier
        if ours.weights == CLASSIFIER and not share_weights(
            (ours.architecture, theirs.architecture), (ours.width, theirs.width)
        ):
            raise ValueError(
                f"train.weights is {CLASSIFIER}, but the detector's backbone ({ours.architecture}, width {ours.width}) "
                f"is another network than the classifier ({theirs.architecture}, width {theirs.width}); set both to "
                "the same, or train.weights to null"
            )
        return self


def load_params(path: Path) -> Params:
    """The validated content of ``path``; `InputError` lists every misfit with key, value, what is allowed."""
    return validate(read_sections(path), Params, path)


def takes(key: str, value: Any) -> bool:
    """Whether ``value`` is of a kind that the parameter ``key`` (dotted) takes; any is where there is no such one."""
    model: Any = Params
    *sections, name = key.split(".")
    for section in sections:
        field = getattr(model, "model_fields", {}).get(section)
        model = field.annotation if field else None
    field = getattr(model, "model_fields", {}).get(name)
    if field is None:
        return True
    try:
        TypeAdapter(field.annotation).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True
