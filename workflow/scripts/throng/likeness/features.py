"""Features of a trained network: what an image looks like as a unit vector, whichever way round it is held."""

from pathlib import Path

import numpy as np

from throng.encoders.files import read_network
from throng.files import sha256_file
from throng.likeness.looking import Encoder

SIDE = 224


class Network:
    """The encoder of a network file on a device."""

    def __init__(self, path: Path, device: str) -> None:
        self.sha256 = sha256_file(path)
        self._device = device
        self._encoder = read_network(path).encoder.to(device)

    def describe(self, image: np.ndarray) -> np.ndarray:
        """Return (D,) float32: the mean features of the image at 224 x 224 pixels and of its mirror image, length 1."""
        import cv2
        import torch

        small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        both = np.stack([small, small[:, ::-1]]).transpose(0, 3, 1, 2)
        with torch.no_grad():
            features = self._encoder(torch.from_numpy(np.ascontiguousarray(both)).to(self._device))
        vector = features.mean(dim=(0, 2, 3)).double().cpu().numpy()
        return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)


def load(path: Path, device: str) -> tuple[Encoder, dict[str, str]]:
    """Return the encoder and what identifies it; raises ThrongError when the file holds none."""
    network = Network(path, device)
    return network, {"sha256": network.sha256}
