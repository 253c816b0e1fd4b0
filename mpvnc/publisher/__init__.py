"""`mpvnc.publish`: programs that draw with Cairo, and their viewers."""

from mpvnc.publisher.publication import Publication, publish

__all__ = ["Publication", "publish"]
