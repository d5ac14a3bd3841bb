"""The cascade, with a classifier that is a formula: what all fills say of the best, and an estimate of the others."""

import numpy as np
import pytest

from empaste.evidence.in_place import cover_squares, insert_and_delete, show_in_place
from empaste.evidence.reranking import Scene, choose_best, estimate, look_again, look_first
from empaste.evidence.scoring import Terms
from empaste.evidence.settings import EvidenceWeights
from empaste.squares import square_frame

SIDE = 16
WEIGHTS = EvidenceWeights(cam_overlap=0, insertion=1, deletion=1, objectness=0, frame=0)
FILLS = ["gray", "blur"]


def see(squares: np.ndarray) -> np.ndarray:
    """Probabilities of two classes: their logits are the means of red, and of green less blue."""
    means = squares.mean(axis=(1, 2)) / 20
    return np.asarray(1 / (1 + np.exp(-np.stack([means[:, 0] - 6, means[:, 1] - means[:, 2]], axis=1))))


@pytest.fixture
def scene() -> Scene:
    """Five blocks of random colours."""
    rng = np.random.default_rng(3)
    square = rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    masks = np.zeros((5, SIDE, SIDE), bool)
    for number, mask in enumerate(masks):
        mask[3 * number : 3 * number + 4, number : number + 7] = True
    return Scene(square, square_frame(SIDE, SIDE, SIDE), cover_squares(list(masks), SIDE))


def found(scene: Scene, best: list[int], fills: list[str]) -> tuple[np.ndarray, np.ndarray]:
    places = np.array(best, int)
    first = see(look_first(scene, fills[0]))
    return estimate(first, [see(squares) for squares in look_again(scene, places, fills)], places)


def judged(scene: Scene, fills: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """What is found without a cascade."""
    return insert_and_delete([see(show_in_place(scene.square, scene.frame, scene.covers, fill)) for fill in fills])


@pytest.mark.parametrize("fills", [FILLS, FILLS[::-1], ["gray"]])
def test_where_all_are_judged_again_the_terms_are_those_without_a_cascade(scene: Scene, fills: list[str]) -> None:
    for term, whole in zip(found(scene, [0, 1, 2, 3, 4], fills), judged(scene, fills), strict=True):
        np.testing.assert_allclose(term, whole, atol=1e-9)


def test_the_best_have_their_terms_and_the_others_what_these_have_more_than_the_first_look(scene: Scene) -> None:
    best, others = [1, 3], [0, 2, 4]
    (_, first), whole = judged(scene, FILLS[:1]), judged(scene, FILLS)
    for term, means in zip(found(scene, best, FILLS), whole, strict=True):
        np.testing.assert_allclose(term[best], means[best], atol=1e-9)
        more = (means[best] - first[best]).mean(axis=0)
        np.testing.assert_allclose(term[others], first[others] + more, atol=1e-9)
        assert np.abs(term[others] - means[others]).max() > 0.01, "an estimate, since nobody looked"


def test_no_segment_has_no_terms(scene: Scene) -> None:
    insertion, deletion = found(scene._replace(covers=scene.covers[:0]), [], FILLS)
    assert insertion.shape == deletion.shape == (0, 2)


def test_the_best_of_every_class_are_chosen_by_deletion_and_what_is_known_of_all(scene: Scene) -> None:
    first = see(look_first(scene, "gray"))
    deletion = judged(scene, ["gray"])[1]
    unknown, none = np.full(7, np.nan), np.zeros(7)
    terms = {class_id: Terms(none, none, none, unknown, unknown) for class_id in (4, 9)}
    places = np.array([0, 2, 3, 5, 6])  # of seven segments two are not judged
    expected = sorted({int(deletion[:, 0].argmax()), int(deletion[:, 1].argmax())})
    assert choose_best(first, terms, places, [4, 9], WEIGHTS, 1).tolist() == expected
    assert choose_best(first, terms, places, [4, 9], WEIGHTS, 5).tolist() == [0, 1, 2, 3, 4]
    sure = WEIGHTS.model_copy(update={"objectness": 1000.0})
    objectness = {4: terms[4]._replace(objectness=np.array([0, 9, 0, 1, 9, 0, 0.0]))}
    assert choose_best(first, objectness, places, [4, 9], sure, 1).tolist() == [2]
