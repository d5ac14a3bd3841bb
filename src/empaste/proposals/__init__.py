"""Class-agnostic segments of an image: one file per method, which ends with its record, and one line here.

The lines stand in the order in which messages and `empaste doctor` list the methods. What a method is, says `method`.
"""
# ruff: noqa: F401, I001 – an import is an entry

from typing import Any

from empaste.proposals.method import Method
from empaste.proposals.hierarchical import METHOD as HIERARCHICAL
from empaste.proposals.entity_like import METHOD as ENTITY_LIKE
from empaste.proposals.selective_search import METHOD as SELECTIVE_SEARCH
from empaste.proposals.felzenszwalb import METHOD as FELZENSZWALB
from empaste.proposals.slic import METHOD as SLIC
from empaste.proposals.quickshift import METHOD as QUICKSHIFT
from empaste.proposals.gca10 import METHOD as GCA10
from empaste.proposals.mcg import METHOD as MCG
from empaste.proposals.cob import METHOD as COB
from empaste.proposals.coco_results import METHOD as COCO_RESULTS
from empaste.proposals.sam import METHOD as SAM
from empaste.proposals.sam2 import METHOD as SAM2
from empaste.proposals.sam3 import METHOD as SAM3
from empaste.proposals.mask2former import METHOD as MASK2FORMER
from empaste.proposals.entity import METHOD as ENTITY
from empaste.proposals.cutout import METHOD as CUTOUT
from empaste.proposals.joined import METHOD as JOINED

METHODS: dict[str, Method[Any]] = {one.name: one for one in tuple(globals().values()) if isinstance(one, Method)}
"""What ``proposals.method`` may be, in the order of the lines above."""
