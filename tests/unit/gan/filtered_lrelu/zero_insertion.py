"""The definition, step by step: zeros are inserted, every tap is multiplied, every sample is kept for the gradient."""

from torch.nn import functional


def zero_insertion(
    x, bias, up_filter, down_filter, *, up, down, padding, gain=2**0.5, slope=0.2, clamp=256.0, implementation=None
):
    """Return what throng.gan.filtered_lrelu must; the implementation is this one whatever it is called."""
    if bias is not None:
        x = x + bias.to(x.dtype)[None, :, None, None]
    sparse = x.new_zeros(*x.shape[:2], x.shape[2], up, x.shape[3], up)
    sparse[:, :, :, 0, :, 0] = x
    sparse = sparse.reshape(*x.shape[:2], x.shape[2] * up, x.shape[3] * up)
    # Cropped after it is padded: a plane may be cropped by more than it has.
    wider = functional.pad(sparse, [max(0, each) for each in padding])
    fine = convolved(functional.pad(wider, [min(0, each) for each in padding]), up_filter, up)
    bent = functional.leaky_relu(fine, slope) * gain
    if clamp is not None:
        bent = bent.clamp(-clamp, clamp)
    return convolved(bent, down_filter, 1)[:, :, ::down, ::down]


def convolved(images, taps, gain):
    if taps is None:
        return images * gain**2
    channels = images.shape[1]
    taps = taps.to(images).flip(tuple(range(taps.ndim))) * gain
    if taps.ndim == 2:
        return functional.conv2d(images, (taps * gain).expand(channels, 1, *taps.shape), groups=channels)
    wide = functional.conv2d(images, taps.expand(channels, 1, 1, -1), groups=channels)
    return functional.conv2d(wide, taps[:, None].expand(channels, 1, -1, 1), groups=channels)


def away(ours, theirs):
    """Return the root mean square of the difference in units of the expected values'."""
    return float((ours.double() - theirs.double()).norm() / theirs.double().norm())
