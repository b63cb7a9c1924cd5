"""The model: replace ``generate`` by a call of yours."""

import torch

COLOURS = {"red": (0.84, 0.10, 0.12), "green": (0.10, 0.57, 0.18), "blue": (0.10, 0.27, 0.88), "white": (1.0, 1.0, 1.0)}


class Painter:
    version = 1  # part of a run's key: raise it when answers change
    image_size = 32

    def generate(self, prompts, seeds):
        """One picture per prompt: floats in [0, 1], ``batch 3 size size``. One seed per picture, for what is drawn."""
        images = torch.full((len(prompts), 3, self.image_size, self.image_size), 0.5)
        for image, prompt in zip(images, prompts, strict=True):
            named = next((word for word in prompt.split() if word in COLOURS), "white")
            image[:, 10:22, 10:22] = torch.tensor(COLOURS[named])[:, None, None]
        return images


def open_model(source, device):
    """``source`` is what follows the @ in ``my-model@FOLDER``: the place of weights, of which this model has none."""
    return Painter()
