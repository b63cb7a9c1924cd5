"""The model does what its entry says."""

from my_model.model import COLOURS, open_model


def test_the_square_has_the_colour_that_the_prompt_names():
    image, other = open_model("", "cpu").generate(["a blue square", "a square"], [0, 1])
    assert image.shape == (3, 32, 32)
    assert image[:, 16, 16].tolist() != other[:, 16, 16].tolist()
    assert [round(value, 2) for value in image[:, 16, 16].tolist()] == list(COLOURS["blue"])
