"""Images as networks take them."""

import numpy as np

from empaste.networks.inputs import to_input


def test_input_is_normalised() -> None:
    images = np.zeros((1, 2, 2, 3), np.uint8)
    images[0, 0, 1] = (255, 0, 51)
    inputs = to_input(images, "cpu")
    assert inputs.shape == (1, 3, 2, 2)
    expected = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    np.testing.assert_allclose(inputs[0, :, 0, 1].numpy(), expected, rtol=1e-5)


def test_other_means_and_deviations() -> None:
    inputs = to_input(np.full((1, 2, 2, 3), 51, np.uint8), "cpu", [0.1, 0.2, 0.3], [0.5, 1, 2])
    np.testing.assert_allclose(inputs[0, :, 0, 0].numpy(), [0.2, 0, -0.05], atol=1e-6)
