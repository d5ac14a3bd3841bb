"""MLflow keeps one run per run of the pipeline: all parameters and metrics, figures, the page, the model.

Nothing here can change an output, and no stage reads from it. The last stage records the run; a long training may open
it earlier with `live_curve`. Both go by way of the `outbox`, so that a store that is away stops no stage and loses
nothing. Where DVC restores every stage of an experiment from its cache, no process runs, so no run appears in MLflow.
`store` says which store is in use, and how it is chosen or switched off.

Importing this package is cheap: MLflow is imported only where something is recorded.
"""

from empaste.tracking.data_sets import data_sets
from empaste.tracking.identity import changes_of_this_run
from empaste.tracking.live import live_curve
from empaste.tracking.record import Record
from empaste.tracking.sending import record_pipeline

__all__ = ["Record", "changes_of_this_run", "data_sets", "live_curve", "record_pipeline"]
