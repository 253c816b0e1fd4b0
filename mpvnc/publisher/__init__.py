"""`mpvnc.publish`: programs that draw with Cairo, and their viewers."""

from mpvnc.publisher.opening import publish
from mpvnc.publisher.publication import Publication

__all__ = ["Publication", "publish"]
