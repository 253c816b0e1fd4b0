"""One file per encoding: pixels in, bytes out."""
