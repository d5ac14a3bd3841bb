"""What F-EM and paste add, for equal training iterations: EM-Paste's ablation of mask sources and of paste."""

from empaste.studies.running import Study

STUDY = Study(
    title="Mask R-CNN by the masks that it learned from, for equal training iterations",
    stages=("paste", "train", "evaluate"),
    rows={
        "Ground truth, no paste": {"paste.foregrounds": "gt", "paste.placement": "none"},
        "Step 1, no paste": {"paste.foregrounds": "step1", "paste.placement": "none"},
        "F-EM, no paste": {"paste.foregrounds": "fem", "paste.placement": "none"},
        "F-EM, paste": {"paste.foregrounds": "fem", "paste.placement": "random"},
    },
    seeded=("paste.seed", "train.seed"),
)
