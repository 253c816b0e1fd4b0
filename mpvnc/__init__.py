"""mpvnc: a multiprocess VNC server for one screen and many viewers."""

__version__ = "0.1.0"
