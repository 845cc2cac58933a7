"""Section ``evaluate_gan``: whether a generator's images are good, its own, and as crowded as was asked."""

from throng.sections.base import Section, runtime, setting


class EvaluateGan(Section):
    """Measures every generator of train_gan against its training images, and the density that it delivers."""

    images: int = setting(1000, "images that are drawn for the distances; papers use 50000", ge=2)
    batch_size: int = runtime(32, "images drawn at once", ge=1)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")
