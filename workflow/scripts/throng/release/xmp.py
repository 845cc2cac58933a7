"""What a made image says of itself: an XMP packet with IPTC's digital source type.

Terms and definitions: IPTC NewsCodes, scheme digitalsourcetype as of 2024-10-23; property ``DigitalSourceType`` of the
IPTC Photo Metadata Standard's extension schema.
"""

import re
from collections.abc import Collection
from xml.etree import ElementTree

from throng.errors import ThrongError
from throng.release.containers.files import xmp_packet

SCHEME = "http://cv.iptc.org/newscodes/digitalsourcetype/"
EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

# of the backends that edit or draw with a model learnt from captured images
TRAINED = frozenset({"lama", "diffusers-inpaint", "diffusers-img2img", "diffusers", "stylegan3", "r3gan"})

# without a trained model among the backends, and with one
TERMS = {
    "photograph": ("algorithmicallyEnhanced", "algorithmicallyEnhanced"),
    "edit": ("composite", "compositeWithTrainedAlgorithmicMedia"),
    "composite": ("composite", "compositeSynthetic"),
    "rendered": ("algorithmicMedia", "trainedAlgorithmicMedia"),
    "synthesised": ("trainedAlgorithmicMedia", "trainedAlgorithmicMedia"),
    "drawn": ("trainedAlgorithmicMedia", "trainedAlgorithmicMedia"),
}


def term_of(medium: str, backends: Collection[str]) -> str:
    """Return the IPTC term for an image of a medium that these backends had a hand in.

    A photograph is asked about only when something was done to it. Raises ThrongError for a medium nobody has named.
    """
    if medium not in TERMS:
        raise ThrongError(f"no digital source type is known for medium {medium!r}; expected one of {sorted(TERMS)}")
    return TERMS[medium][not TRAINED.isdisjoint(backends)]


def packet(term: str) -> bytes:
    """Return the XMP packet that states a digital source type, UTF-8 (ISO 16684-1, 7)."""
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'
        f'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="{EXTENSION}">'
        f"<Iptc4xmpExt:DigitalSourceType>{SCHEME}{term}</Iptc4xmpExt:DigitalSourceType>"
        f'</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def digital_source_type(data: bytes) -> str | None:
    """Return the IPTC term that an image file (JPEG, PNG, WebP, TIFF) states in its XMP, or None when it states none.

    The term is the last part of its URI, e.g. ``compositeWithTrainedAlgorithmicMedia``; a value outside IPTC's scheme
    is returned whole. Raises ThrongError for a file that cannot be taken apart, or an XMP packet that is no XML.
    """
    found = xmp_packet(data)
    return None if found is None else stated(found)


def stated(found: bytes) -> str | None:
    """Return the term that an XMP packet states, or None; raises ThrongError when the packet is no plain XML."""
    if re.search(rb"<!(DOCTYPE|ENTITY)", found):
        raise ThrongError("the XMP packet declares a document type, which no XMP does")
    try:
        root = ElementTree.fromstring(found.rstrip(b"\0"))
    except ElementTree.ParseError as error:
        raise ThrongError(f"the XMP packet is no XML: {error}") from error
    name = f"{{{EXTENSION}}}DigitalSourceType"
    for description in root.iter(f"{{{RDF}}}Description"):
        element = description.find(name)
        inside = None if element is None else element.get(f"{{{RDF}}}resource") or element.text
        value = inside or description.get(name)
        if value:
            return re.sub(f"^https?{re.escape(SCHEME[4:])}", "", value.strip())
    return None
