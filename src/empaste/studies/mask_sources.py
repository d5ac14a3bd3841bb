"""Whose masks are pasted: EM-Paste's study of mask sources, for equal training iterations.

As there: four foregrounds per image, every original pasted on twice, no synthesised backgrounds. "Ground truth ∩ F-EM"
pastes the ground-truth masks of the instances that F-EM found.
"""

from empaste.studies.running import Study

SETTING = {
    "backgrounds.method": "none",
    "paste.placement": "random",
    "paste.n_p": 4,
    "paste.duplicate_originals": 2,
    "paste.keep_originals": False,
}
STUDY = Study(
    title="Mask R-CNN by the source of its masks, for equal training iterations",
    stages=("backgrounds", "paste", "train", "evaluate"),
    rows={
        "Ground truth, paste": SETTING | {"paste.foregrounds": "gt"},
        "Ground truth, no paste": SETTING | {"paste.foregrounds": "gt", "paste.placement": "none"},
        "F-EM, paste": SETTING | {"paste.foregrounds": "fem"},
        "Ground truth ∩ F-EM, paste": SETTING | {"paste.foregrounds": "gt_and_fem"},
        "Step 1, paste": SETTING | {"paste.foregrounds": "step1"},
    },
    seeded=("paste.seed", "train.seed"),
)
