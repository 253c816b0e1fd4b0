"""Which decoder reads which encoding."""

from tests.support.decoders import copyrect, hextile, jpeg, raw, rre, tight, zlib, zrle
from tests.support.decoders.base import Decoder

DECODERS: dict[int, Decoder] = {
    0: raw.decode,
    1: copyrect.decode,
    2: rre.decode,
    5: hextile.decode,
    6: zlib.decode,
    7: tight.decode,
    16: zrle.decode,
    21: jpeg.decode,
}
