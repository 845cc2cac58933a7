import os
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.unit.density.test_maps_reference import csrnet, dots
from throng.density.maps import density_map
from throng.sources.headers import read_header
from throng.sources.listing import list_files
from throng.sources.shanghaitech import samples

LIMIT = 89_478_485
SHAPE = 768, 1024

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def photographs():
    folder = os.environ.get("THRONG_DATA")
    if not folder or not (Path(folder) / "shanghaitech").is_dir():
        pytest.skip("THRONG_DATA names no folder with the real data sets")
    root = Path(folder) / "shanghaitech"

    def read(path):
        return (root / path).read_bytes()

    found = samples(list_files(root, LIMIT), read, "B")
    return [sample.labels(read_header(read(sample.path), LIMIT)).points for sample in found]


def test_every_head_of_716_photographs_counts(photographs):
    assert len(photographs) == 716
    for points in photographs:
        for stride in (1, 8):
            total = density_map(points, SHAPE, stride=stride).sum(dtype=np.float64)
            assert abs(total - len(points)) <= 1e-5 * len(points)


def test_a_photograph_has_the_published_maps(photographs):
    points = sorted(photographs, key=len)[len(photographs) // 2]
    found = density_map(points, SHAPE, mode="csrnet")
    np.testing.assert_allclose(found, csrnet(points, SHAPE), atol=1e-6, rtol=0)
    found = density_map(points, SHAPE, sigma=15, mode="csrnet")
    np.testing.assert_allclose(found, gaussian_filter(dots(points, SHAPE), 15), atol=1e-6, rtol=0)
